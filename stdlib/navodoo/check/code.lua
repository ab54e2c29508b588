--- Reads the functions of a flow for what goes wrong in them: floats where money is, and the
-- four kinds of nothing taken for each other.
--
-- No parser: tokens, and only what can be told from them for certain. A function of an entry
-- gets the values of its fields by name, so what is said of such a name is known by the type
-- of the field:
--
--     NAV    an empty text is "", an option's blank is " ", an empty date is null; nothing
--            is nil, for an absent field is never mapped
--     Odoo   whatever is empty is false; nothing is nil, null or ""

local kind = require "navodoo.kind"
local outline = require "navodoo.outline"
local problem = require "navodoo.problem"

local code = {}

local OPENS <const> = { ["function"] = true, ["if"] = true, ["do"] = true, ["repeat"] = true }
local CLOSES <const> = { ["end"] = true, ["until"] = true }

-- Whether the parameters behind the parenthesis at `first` have these names.
local function has_names(tokens, first, names)
  for i, name in ipairs(names) do
    local t = tokens[first + 2 * i - 1]
    if not t or t.text ~= name then return false end
  end
  return true
end

-- The token of the `end` that closes the function whose parameters begin at `first`.
local function end_of(tokens, first)
  local depth, last = 1, first
  while tokens[last + 1] and depth > 0 do
    last = last + 1
    local text = tokens[last].text
    if OPENS[text] then depth = depth + 1 elseif CLOSES[text] then depth = depth - 1 end
  end
  return last
end

-- Where the tokens of a function's body begin and end. Lua tells only its lines: of several
-- in one line, the one behind `get =` is meant when `get` is read.
local function find_body(tokens, place, fn, key)
  local info = debug.getinfo(fn, "Su")
  local names, found, stop = {}, nil, nil
  for i = 1, info.nparams do names[i] = debug.getlocal(fn, i) end
  for n = 3, #tokens do
    if tokens[n].text == "function" and place(tokens[n].at).line == info.linedefined then
      local first = n + 1
      while tokens[first] and tokens[first].text ~= "(" do first = first + 1 end
      local last = end_of(tokens, first)
      if has_names(tokens, first, names) and place(tokens[last].at).line == info.lastlinedefined then
        local is_named = tokens[n - 1].text == "=" and tokens[n - 2].text == key
        if not found or is_named then found, stop = first + math.max(2 * #names, 1) + 1, last end
        if is_named then break end
      end
    end
  end
  return found, stop, names
end

local reader = {}
reader.__index = reader

function reader:note(token, text, near)
  local place = self.place(token.at)
  self.problems[#self.problems + 1] = problem.new {
    file = self.file, line = place.line, column = place.column, text = text, near = near,
  }
end

local function is_float(text)
  return not text:find "^0[xX]" and text:find "[.eE]" ~= nil
end

-- Money is exact: no float may come near it.
function reader:floats(first, last, what)
  for n = first, last do
    local t = self.tokens[n]
    local before = self.tokens[n - 1].text
    if t.kind == "number" and is_float(t.text) then
      self:note(t, ("%s is a float, and %s is exact: write navodoo.decimal.new %q"):format(t.text, what, t.text))
    elseif t.text == "/" then
      self:note(t, ("/ makes a float of %s: write a:div(b, scale)"):format(what))
    elseif t.text == "tonumber" and before ~= "." and before ~= ":" then
      self:note(t, ("tonumber makes a float of %s: it is a number already, and exact"):format(what))
    elseif before == "." and self.tokens[n - 2].text == "math" and (t.text == "floor" or t.text == "ceil") then
      self:note(t, ("math.%s takes no decimal: write a:round(scale, mode)"):format(t.text))
    end
  end
end

-- What a value of NAV can be when nothing is in it, and what it cannot.
local function never_in_nav(k, text)
  if text == "nil" then
    return "is never nil here: an absent property is not mapped"
  elseif text == "false" and k ~= "boolean" then
    return "is never false: that is Odoo's empty, NAV has " .. (k == "date" and "null" or '""')
  elseif text == "null" and (k == "text" or k == "option") then
    return ("is never null: an empty text of NAV is \"\"%s"):format(k == "option" and ', a blank option " "' or "")
  elseif text == '""' and k == "option" then
    return 'is never "": the blank member of an option is " "'
  elseif text == '""' and (k == "date" or k == "datetime") then
    return 'is never "": an empty date is null'
  end
end

local function never_in_odoo(_, text)
  if text == "nil" or text == "null" or text == '""' then
    return ("is never %s here: what is empty in Odoo is false"):format(text)
  end
end

local function is_number(t) return t.kind == "number" end

-- Comparisons of a parameter with one kind of nothing, and its use as a truth value.
function reader:nothings(first, last, params)
  local tokens = self.tokens
  for n = first, last do
    local p = params[tokens[n].text]
    local before, after = tokens[n - 1], tokens[n + 1]
    local is_plain = p and tokens[n].kind == "name" and before.text ~= "." and before.text ~= ":"
      and not (after.text == "=" and (before.text == "{" or before.text == ","))
    if is_plain and (after.text == "==" or after.text == "~=") then
      local other = tokens[n + 2]
      local text = other.text:gsub("^'(.*)'$", '"%1"')
      if text == "navodoo" and tokens[n + 4] then text = tokens[n + 4].text end
      local why = (p.side == "nav" and never_in_nav or never_in_odoo)(p.kind, text)
      if why then
        self:note(tokens[n], ("%s %s"):format(tokens[n].text, why))
      elseif p.kind == "decimal" and is_number(other) then
        self:note(tokens[n], ("%s is a decimal: == never holds between it and a number; write %s"):format(
          tokens[n].text, other.text == "0" and tokens[n].text .. ":is_zero()"
          or ("%s == navodoo.decimal.new %q"):format(tokens[n].text, other.text)))
      end
    elseif is_plain and p.side == "nav" and p.kind ~= "boolean" and p.kind ~= nil then
      local as_truth = before.text == "not" or after.text == "and" or after.text == "or"
        or (before.text == "if" or before.text == "elseif") and after.text == "then"
      if as_truth then
        self:note(tokens[n], ("%s is always true in a condition, also when it is empty: compare it with %s"):format(
          tokens[n].text, p.kind == "option" and '" "' or (p.kind == "date" or p.kind == "datetime") and "navodoo.null"
          or p.kind == "text" and '""' or "a value"))
      end
    end
  end
end

-- Fields that are read by name: of the record that a function of `create` gets, of ctx.current.
function reader:fields(first, last, names)
  local tokens = self.tokens
  for n = first, last do
    local of = names.record == tokens[n].text and names.record_fields
    local at = n + 2
    if names.ctx == tokens[n].text and tokens[n + 1].text == "." then
      local key = tokens[at].text
      if not names.ctx_keys[key] then
        self:note(tokens[at], ("ctx has no %q"):format(key), problem.near(key, problem.names(names.ctx_keys)))
      end
      of, at = key == "current" and tokens[n + 3].text == "." and names.current_fields or nil, n + 4
    elseif not (tokens[n + 1] and tokens[n + 1].text == ".") then
      of = nil
    end
    local t = of and tokens[at]
    if t and not of.known[t.text] then
      self:note(t, ("%s has no field %q"):format(of.what, t.text), problem.near(t.text, problem.names(of.known)))
    end
  end
end

local CTX <const> = { creating = true, current = true, lookups = true, links = true }

---@class navodoo.CodeSpec
---@field fn function
---@field name string              how the flow calls it: "get", "put", "check", "create"
---@field key string?              what it is assigned to, where that is not its name
---@field params { field: string, side: "nav"|"odoo", type: string? }[]
---@field target string?           type of what it makes
---@field record { what: string, known: table }?   the first parameter is a record of these fields
---@field current { what: string, known: table }?  what ctx.current holds

--- Reads one function; returns what is wrong with it.
---@param file string
---@param source string
---@param spec navodoo.CodeSpec
---@param problems navodoo.Problem[]  appended to
function code.read(file, source, spec, problems)
  local info = debug.getinfo(spec.fn, "Su")
  if info.source ~= "@" .. file then return end -- not written in the flow
  local self = setmetatable({ file = file, problems = problems, tokens = outline.tokens(source),
                              place = outline.placer(source) }, reader)
  local first, last, names = find_body(self.tokens, self.place, spec.fn, spec.key or spec.name)
  if not first then return end
  local params, money = {}, kind.of_type(spec.target or "") == "decimal" and "the amount" or nil
  for i, p in ipairs(spec.params) do
    local k = kind.of_type(p.type or "")
    if names[i] then params[names[i]] = { kind = k, side = p.side } end
    if k == "decimal" then money = p.field end
  end
  if not info.isvararg and info.nparams < #spec.params then
    self:note(self.tokens[first - 1], ("%s gets %d values (%s), it takes %d"):format(spec.name, #spec.params,
      spec.params[1].field .. ", ...", info.nparams))
  end
  if money then self:floats(first, last, money) end
  self:nothings(first, last, params)
  local takes_record = spec.name == "create"
  self:fields(first, last, {
    ctx = names[takes_record and 2 or #spec.params + 1], ctx_keys = CTX, current_fields = spec.current,
    record = takes_record and names[1] or nil, record_fields = spec.record })
end

return code
