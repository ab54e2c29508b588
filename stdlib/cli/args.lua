--- Command-line arguments: long options, positionals, clear complaints.
--
-- A command declares `options`, by name, and `places`, the most positionals that it
-- takes. An option may say: `value` (it takes one), `list` (it may be given several
-- times), `whole` (its value is a whole number from 0), `one_of` (its value is one of
-- these). `--name value`, `--name=value` and `--name` are understood; `--` ends options.

local problem = require "navodoo.problem"

local args = {}

---@class cli.Option
---@field value boolean?   takes a value
---@field list boolean?    may be given several times; the values make a list
---@field whole boolean?   the value is a whole number
---@field one_of string[]?  the values there are

local function unknown_option(name, options)
  local names = { "help" }
  for known in pairs(options) do names[#names + 1] = known end
  table.sort(names)
  local near = problem.near(name, names)
  return ("unknown option --%s; %s"):format(name, near and "did you mean --" .. near .. "?" or "see --help")
end

--- The value as the command gets it, or nil and the complaint.
local function checked(name, option, value)
  if value == "" then return nil, ("option --%s has an empty value"):format(name) end
  if option.whole then
    local n = value:match "^%d+$" and math.tointeger(tonumber(value))
    if not n then return nil, ("option --%s needs a whole number, got %q"):format(name, value) end
    return n
  end
  if option.one_of then
    for _, known in ipairs(option.one_of) do
      if known == value then return value end
    end
    return nil, ("option --%s is one of %s, not %q"):format(name, table.concat(option.one_of, ", "), value)
  end
  return value
end

--- Reads the option `name` at `argv[i]`; `inline` is what stood behind its `=`.
---@return integer|nil i  of the last word that was used
---@return string|nil complaint
local function take(out, options, argv, i, name, inline)
  local option = name == "help" and {} or options[name]
  if not option then return nil, unknown_option(name, options) end
  local key, value = name:gsub("%-", "_"), inline
  if not option.value then
    if inline then return nil, ("option --%s takes no value"):format(name) end
    out[key] = true
    return i
  end
  if value == nil then
    i = i + 1
    value = argv[i]
    if value == nil or value:match "^%-%-%a" then
      return nil, ("option --%s needs a value"):format(name)
    end
  end
  local complaint
  value, complaint = checked(name, option, value)
  if value == nil then return nil, complaint end
  if option.list then
    out[key] = out[key] or {}
    table.insert(out[key], value)
  else
    out[key] = value
  end
  return i
end

--- Splits a list of arguments.
---@param argv string[]
---@param options table<string, cli.Option>
---@param places integer|nil  most positionals, nil: any number
---@return table|nil parsed  options by name (`-` becomes `_`), positionals by index
---@return string|nil complaint
function args.parse(argv, options, places)
  local out, only_positionals, i = {}, false, 1
  while i <= #argv do
    local word = argv[i]
    local complaint
    if only_positionals or not word:match "^%-." then
      out[#out + 1] = word
    elseif word == "--" then
      only_positionals = true
    elseif word == "-h" then
      out.help = true
    else
      local name, inline = word:match "^%-%-([%w%-]+)=(.*)$"
      name = name or word:match "^%-%-([%w%-]+)$"
      if not name then return nil, ("unknown option %s; see --help"):format(word) end
      i, complaint = take(out, options, argv, i, name, inline)
      if not i then return nil, complaint end
    end
    i = i + 1
  end
  if places and #out > places and not out.help then
    return nil, ("%q is one argument too many; see --help"):format(out[places + 1])
  end
  return out
end

return args
