--- Transforms of values between NAV and Odoo, for the third place of a field entry.
--
-- A transform is a table: `get` makes Odoo's value of NAV's (one argument per NAV field, then
-- the context; one result per Odoo field), `put` the other way round (one argument per Odoo
-- field, then the context and the first NAV property), nil where there is no way back. Nothing
-- is called for an absent field. A result of nil leaves the field alone, `null` clears it;
-- after the results may stand a text: why the value cannot be carried, and then the record
-- becomes a dead letter with that reason. `null` and "" go in and come out as `null`, and so
-- does Odoo's false on the way back, so that an empty field empties the other side.
--
-- All transforms are pure: same values, same result, on every machine.

local decimal = require "navodoo.decimal"
local kind = require "navodoo.kind"
local null = require "navodoo.json".null
local problem = require "navodoo.problem"
local text = require "navodoo.text"

local map = {}

---@class navodoo.Map
---@field kind "map"
---@field name string
---@field get fun(...): ...
---@field put (fun(...): ...)?
---@field arity integer      NAV fields that it takes
---@field targets integer    Odoo fields that it fills
---@field takes string?      "text", "number", "boolean" or nil for any
---@field gives string?      kind of the result, nil when unknown
---@field uses_current boolean?  `get` looks at what Odoo holds now
---@field normalises boolean?    `get` gives one spelling for several, and writing it back is fine
---@field why_no_put string?     why there is no way back
---@field forms navodoo.Form[]?  what it is where Odoo has other fields

local function transform(m)
  m.kind, m.arity, m.targets = "map", m.arity or 1, m.targets or 1
  return m
end

local function is_empty(v) return v == "" or v == null end

-- What Odoo gives for an empty field is false.
local function is_empty_in_odoo(v) return v == "" or v == null or v == false end

local function on_text(name, get, put)
  local function wrap(fn, empty)
    return fn and function(v)
      if empty(v) then return null end
      if type(v) ~= "string" then
        return nil, ("a text is expected, got %s"):format(problem.a(v))
      end
      return fn(v)
    end
  end
  return transform { name = name, takes = "text", gives = "text", normalises = true,
                     get = wrap(get, is_empty), put = wrap(put, is_empty_in_odoo) }
end

local function same(v) return v end

--- Small letters, by Unicode. The way back changes nothing.
map.lower = on_text("lower", text.lower, same)
--- Capital letters, by Unicode.
map.upper = on_text("upper", text.upper, same)
--- Without white space at both ends.
map.trim = on_text("trim", text.trim, text.trim)

--- A registration number without blanks, dots and dashes, in capitals: numbers are compared
-- so. Swiss numbers get their official spelling, CHE-123.456.788 MWST: Odoo (base_vat) stores
-- no other, so any other would never be found again.
map.compact = on_text("compact", function(v)
  if text.is(v, "ud") and v:sub(1, 3) ~= "CHE" then return v end
  local compact = text.upper(text.trim(v)):gsub("[%s%.%-]", "")
  local a, b, c, suffix = compact:match "^CHE(%d%d%d)(%d%d%d)(%d%d%d)(%u*)$"
  if not a then return compact end
  return ("CHE-%s.%s.%s%s"):format(a, b, c, suffix ~= "" and " " .. suffix or "")
end, same)

--- An address of the web; Odoo stores it with its scheme and adds "http://" itself.
map.url = on_text("url", function(v)
  local url = text.trim(v)
  if url == "" then return null end
  if url:sub(1, 8) == "https://" or url:find "^%a[%w+.-]*://" then return url end
  return "http://" .. url
end, same)

--- An exact amount.
map.money = transform {
  name = "money", takes = "number", gives = "decimal",
  get = function(v)
    if decimal.is(v) then return v end
    if math.type(v) == "integer" then return decimal.new(v) end
    if v == null then return null end
    return nil, ("an exact amount is expected, got %s"):format(problem.a(v))
  end,
}
-- An amount or a number that Odoo leaves empty is 0 in NAV, which has no empty ones.
local function number_back(get)
  return function(v)
    if v == false then return null end
    return get(v)
  end
end
map.money.put = number_back(map.money.get)

--- A whole number; a fraction is refused, not cut.
map.integer = transform {
  name = "integer", takes = "number", gives = "integer",
  get = function(v)
    if math.type(v) == "integer" then return v end
    if v == null then return null end
    local n = decimal.is(v) and v:integer()
    if n then return n end
    return nil, ("a whole number is expected, got %s"):format(tostring(v))
  end,
}
map.integer.put = number_back(map.integer.get)

--- The same value on every record; takes no NAV field.
---@param v string|boolean|integer|userdata
function map.constant(v)
  if not kind.of_value(v) then
    return problem.note(("map.constant: a text, boolean or exact number is expected, got %s")
      :format(problem.a(v)))
  end
  return transform { name = "constant", arity = 0, gives = kind.of_value(v),
                     get = function() return v end }
end

--- At least `n`: sets it on creation, raises a lower value, and leaves a higher one alone.
---@param n integer
function map.at_least(n)
  if math.type(n) ~= "integer" then
    return problem.note(("map.at_least: a whole number is expected, got %s"):format(tostring(n)))
  end
  return transform {
    name = "at_least", arity = 0, gives = "integer", uses_current = true,
    get = function(ctx, field)
      if ctx.creating then return n end
      local now = ctx.current and ctx.current[field]
      if now == nil then return nil end
      if now == false or now == null or now < n then return n end
      return nil
    end,
  }
end

--- Two address lines to two. A first line that is blank gives way to the second.
map.address = transform {
  name = "address", arity = 2, targets = 2, takes = "text", gives = "text", normalises = true,
  get = function(first, second)
    if is_empty(first) then return second, null end
    return first, second
  end,
  put = function(street, street2)
    if is_empty_in_odoo(street2) then street2 = null end
    if is_empty_in_odoo(street) then return street2, null end
    return street, street2
  end,
}

-- Which option is written into NAV for each value of Odoo: the only one that gives it, or the
-- one that `chosen` names. Nil and why, when it is not said.
local function ways_back(options, chosen)
  local back, many = {}, {}
  for _, from in ipairs(problem.names(options)) do
    local to = options[from]
    if back[to] ~= nil and (chosen or {})[to] == nil then
      many[#many + 1] = ("%q and %q both stand for %s: say which of them is written into NAV, as in "
        .. "map.choice({ ... }, { [%s] = %q })"):format(back[to], from, tostring(to), type(to) == "string"
        and ("%q"):format(to) or tostring(to), from)
    end
    back[to] = from
  end
  if #many > 0 then return nil, many[1] end
  for to, from in pairs(chosen or {}) do back[to] = from end
  return back
end

local function choice_kind(options)
  local gives
  for from, to in pairs(options) do
    local k = kind.of_value(to)
    if type(from) ~= "string" then
      return nil, ("%s is no option of NAV: options are texts"):format(tostring(from))
    elseif not k and to ~= null then
      return nil, ("%s stands for %s; texts, booleans, exact numbers and null can be chosen"):format(
        tostring(from), problem.a(to))
    end
    if gives == nil then gives = k elseif k and k ~= gives then gives = false end
  end
  return gives or nil
end

--- One value for another: `map.choice { ["Company"] = true, ["Person"] = false }`. A value
--- that the table does not name is refused. Where several options stand for one value, the
--- second table says which of them is written into NAV; what NAV has stays when it stands for
--- the value already.
---@param options table<string, any>
---@param back table<any, string>?
function map.choice(options, back)
  if type(options) ~= "table" or next(options) == nil then
    return problem.note("map.choice: a table of values is expected")
  end
  local gives, why = choice_kind(options)
  if why then return problem.note("map.choice: " .. why) end
  if back ~= nil and type(back) ~= "table" then
    return problem.note(("map.choice: the second table says what is written into NAV, got %s"):format(
      problem.a(back)))
  end
  for to, from in pairs(back or {}) do
    if options[from] ~= to then
      return problem.note(("map.choice: %s is to be written as %q, which does not stand for it")
        :format(tostring(to), tostring(from)), problem.near(from, problem.names(options)))
    end
  end
  local known = {}
  for i, name in ipairs(problem.names(options)) do known[i] = ("%q"):format(name) end
  local expected = table.concat(known, ", ")
  local reverse, why_no_put = ways_back(options, back)
  return transform {
    name = "choice", gives = gives, options = options, why_no_put = why_no_put,
    get = function(v)
      local to = options[v]
      if to ~= nil then return to end
      if is_empty(v) then return null end
      return nil, ("%q is none of %s"):format(tostring(v), expected)
    end,
    put = reverse and function(v, ctx, property)
      local now = ctx and ctx.current and ctx.current[property]
      if now ~= nil and options[now] == v then return now end
      local from = reverse[v]
      if from ~= nil then return from end
      if is_empty_in_odoo(v) then return null end
      return nil, ("%q is none of the values that NAV has an option for"):format(tostring(v))
    end,
  }
end

--- A text of at most `max` characters (as NAV counts: UTF-16 units).
---@param options { max: integer, policy: "refuse"|"cut" }
function map.text(options)
  local max = type(options) == "table" and options.max
  local policy = type(options) == "table" and options.policy or "refuse"
  if math.type(max) ~= "integer" or max < 1 then
    return problem.note("map.text: max must be a whole number above 0")
  end
  if policy ~= "refuse" and policy ~= "cut" then
    return problem.note(("map.text: policy %q is not known"):format(tostring(policy)),
      problem.near(policy, { "cut", "refuse" }))
  end
  local m = on_text("text", function(v)
    local n = text.utf16_length(v)
    if n <= max then return v end
    if policy == "cut" then return text.truncate(v, max) end
    return nil, ("%d characters, at most %d are allowed"):format(n, max)
  end, same)
  m.max = max
  return m
end

-- ---- kinds of items ------------------------------------------------------------------

local LOOSE <const> = "Odoo keeps no stock of it, and NAV has no such type before Business Central 14: "
  .. "track its inventory, or make it a service"

local function no_kind(v) return ("%q is no kind of item"):format(tostring(v)) end

-- NAV's type of a product: `stored` goods are in stock, `loose` ones may be out of it. What NAV has
-- stays where it means the same.
local function type_of(what, stored, loose, ctx, property)
  if what == "service" then return "Service" end
  if what ~= "consu" and not stored then return nil, no_kind(what) end
  local now = ctx and ctx.current and ctx.current[property]
  if loose and now == "Non-Inventory" then return now end
  if stored then return "Inventory" end
  return nil, LOOSE
end

-- One field tells; goods in stock are `goods` there.
local function by_kind(goods)
  local kinds = { Inventory = goods, Service = "service", ["Non-Inventory"] = "consu" }
  return transform {
    name = "item_type", takes = "text", gives = "text", normalises = true,
    get = function(v)
      if kinds[v] then return kinds[v] end
      return nil, no_kind(v)
    end,
    put = function(what, ctx, property) return type_of(what, what == goods, what == "consu", ctx, property) end,
  }
end

--- The type of an item: goods in stock, other goods, services. Odoo has a mark beside the kind
-- since 18 and had a kind of its own before; without its Inventory app it knows only goods.
map.item_type = transform {
  name = "item_type", targets = 2, takes = "text", normalises = true,
  get = function(v)
    if v == "Service" then return "service", false end
    if v == "Inventory" or v == "Non-Inventory" then return "consu", v == "Inventory" end
    return nil, nil, no_kind(v)
  end,
  put = function(what, is_storable, ctx, property)
    local stored = what == "consu" and is_storable
    return type_of(what, stored, what == "consu" and not stored, ctx, property)
  end,
}
map.item_type.forms = {
  { odoo = { "type", "is_storable" }, map = map.item_type },
  { odoo = { "detailed_type" }, choice = "product", map = by_kind "product" },
  { odoo = { "type" }, choice = "product", map = by_kind "product" },
  { odoo = { "detailed_type" }, map = by_kind "consu" },
  { odoo = { "type" }, map = by_kind "consu" },
}

return map
