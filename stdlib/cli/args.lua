--- Command-line arguments: long options, positionals, clear complaints.
--
-- A command declares `options = { name = { value = true|nil, list = true|nil } }`;
-- a `list` option may be given several times.
-- `--name value`, `--name=value` and `--name` are understood; `--` ends options.

local problem = require "navodoo.problem"

local args = {}

--- Splits a list of arguments.
---@param argv string[]
---@param options table<string, { value: boolean|nil }>
---@return table|nil parsed  options by name (`-` becomes `_`), positionals by index
---@return string|nil complaint
function args.parse(argv, options)
  local out, only_positionals, i = {}, false, 1
  while i <= #argv do
    local word = argv[i]
    local name, inline = word:match("^%-%-([%w%-]+)=?(.*)$")
    if only_positionals or not name then
      if word == "--" then only_positionals = true
      elseif word == "-h" then out.help = true
      elseif not only_positionals and word:match("^%-.") then
        return nil, ("unknown option %s; see --help"):format(word)
      else out[#out + 1] = word end
    else
      local option = name == "help" and {} or options[name]
      if not option then
        local names = {}
        for known in pairs(options) do names[#names + 1] = known end
        table.sort(names)
        local near = problem.near(name, names)
        return nil, ("unknown option --%s%s"):format(name, near and "; did you mean --" .. near .. "?" or
          "; see --help")
      end
      local key = name:gsub("%-", "_")
      local has_inline = word:find("=", 1, true) ~= nil
      if option.value then
        if not has_inline then
          i = i + 1
          inline = argv[i]
          if inline == nil then return nil, ("option --%s needs a value"):format(name) end
        end
        if option.list then
          out[key] = out[key] or {}
          table.insert(out[key], inline)
        else
          out[key] = inline
        end
      else
        if has_inline then return nil, ("option --%s takes no value"):format(name) end
        out[key] = true
      end
    end
    i = i + 1
  end
  return out
end

return args
