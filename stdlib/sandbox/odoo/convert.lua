--- Values between the wire and the tables: what each field type makes of what it is given.
--
-- Odoo checks little: a text is a true boolean, 3.9 an integer 3, the pair that `read` gave clears
-- a many2one. Each rule here was seen on a real server; style and wording follow the version.

local decimal = require "navodoo.decimal"
local faults = require "sandbox.odoo.faults"
local instant = require "sandbox.odoo.instant"
local json = require "navodoo.json"
local py = require "sandbox.odoo.py"
local query = require "sandbox.odoo.query"
local words = require "sandbox.odoo.words"

local convert = {}

local INT_MAX <const> = 2147483647

-- Writing: each gives the stored form, nil for NULL ------------------------------------------------

local function to_text(_, _, f, v)
  if py.is_none(v) or v == false then return nil end
  local s = py.str(v)
  if s:find("\0", 1, true) then
    faults.value_error("A string literal cannot contain NUL (0x00) characters.")
  end
  if f.size and #s > f.size then s = s:sub(1, (utf8.offset(s, f.size + 1) or #s + 1) - 1) end
  return s
end

local VOID <const> = { script = true, style = true }

--- HTML as the sanitiser leaves it: text wrapped in a paragraph, bare ampersands escaped, control
--- characters and scripts gone.
---@param s string
---@return string
function convert.sanitized(s)
  if s == "" then return s end
  s = s:gsub("[\1-\8\11\12\14-\31]", ""):gsub("\r\n?", "\n")
  s = s:gsub("<(%a+)[^>]*>.-</%1>", function(tag) if VOID[tag:lower()] then return "" end end)
  s = s:gsub("&(#?%w*)(;?)", function(name, semicolon)
    if name ~= "" and semicolon == ";" then return nil end
    return "&amp;" .. name .. semicolon
  end)
  if not s:find("^%s*<%a") then s = "<p>" .. s:gsub("<([^%a/!])", "&lt;%1") .. "</p>" end
  return s
end

local function to_html(env, model, f, v)
  local s = to_text(env, model, f, v)
  return s and convert.sanitized(s)
end

local function to_boolean(_, _, _, v) return py.truth(v) or nil end

local function to_integer(env, _, _, v)
  if not py.truth(v) then return (not py.is_none(v) and v ~= false) and 0 or nil end
  local n
  if v == true then
    n = 1
  elseif type(v) == "string" then
    n = v:match("^%s*([+-]?%d+)%s*$")
    if not n then
      faults.value_error("invalid literal for int() with base 10: " .. py.repr(v))
    end
    n = math.tointeger(tonumber(n)) or math.huge
  elseif type(v) == "table" then
    faults.type_error(("int() argument must be a string, a bytes-like object or a %s, not '%s'")
      :format(env.version >= 17 and "real number" or "number", py.type_name(v)))
  else
    n = py.number(v)
    n = n >= 0 and math.floor(n) or math.ceil(n)
  end
  if n > INT_MAX or n < -INT_MAX - 1 then
    faults.raise("psycopg2.errors.NumericValueOutOfRange", "integer out of range\n")
  end
  return math.tointeger(n)
end

local function round_to(x, digits)
  return tonumber(tostring(decimal.new(py.float_text(x)):round(digits, "half_up"))) + 0.0
end

local function to_float(env, _, f, v)
  if not py.truth(v) then return (not py.is_none(v) and v ~= false) and 0.0 or nil end
  local n
  if v == true then
    n = 1.0
  elseif type(v) == "string" then
    local s = v:match("^%s*(.-)%s*$")
    local word = s:lower():gsub("^[+-]", "")
    if word == "nan" then
      faults.value_error("cannot convert float NaN to integer")
    elseif word == "inf" or word == "infinity" then
      faults.raise("builtins.OverflowError", "cannot convert float infinity to integer")
    end
    n = not word:find("^0x") and tonumber(s)
    if not n then faults.value_error("could not convert string to float: " .. py.repr(v)) end
  elseif type(v) == "table" then
    faults.type_error(("float() argument must be a string or a %s, not '%s'")
      :format(env.version >= 17 and "real number" or "number", py.type_name(v)))
  else
    n = py.number(v)
    if n ~= n then faults.value_error("cannot convert float NaN to integer") end
  end
  n = n + 0.0
  return f.digits and round_to(n, f.digits[2]) or n
end

local function to_date(_, _, _, v) return instant.date(v) end
local function to_datetime(_, _, _, v) return instant.datetime(v) end

--- The keys a selection allows, in order: { key, label } pairs.
---@param env sandbox.OdooEnv
---@param f sandbox.Field
---@return string[][]
function convert.selection(env, f)
  if type(f.selection) == "table" then return f.selection end
  local list = {}
  if f.selection == "lang" then
    for i, l in ipairs(env:languages()) do list[i] = { l.code, l.name } end
  else
    list[1] = { "Europe/Berlin", "Europe/Berlin" }
    list[2] = { "UTC", "UTC" }
  end
  return list
end

--- Whether a selection field takes a key. Time zones are taken by their form.
---@param env sandbox.OdooEnv
---@param f sandbox.Field
---@param v any
---@return boolean
function convert.selectable(env, f, v)
  if f.keys then return f.keys[v] ~= nil end
  if f.selection == "tz" then
    return type(v) == "string" and (v == "UTC" or v:find("^%u%a+/[%w_/+-]+$") ~= nil)
  end
  for _, pair in ipairs(convert.selection(env, f)) do
    if pair[1] == v then return true end
  end
  return false
end

local function to_selection(env, model, f, v)
  if not py.truth(v) then return nil end
  if not convert.selectable(env, f, v) then
    faults.value_error(("Wrong value for %s.%s: %s"):format(model.name, f.name, py.repr(v)))
  end
  return v
end

-- The line that PostgreSQL prints with a text that is no number; its caret stands below the text.
local function bad_number_text(env, model, f, v)
  local line = ('LINE 1: UPDATE "%s" SET "%s"=\'%s\',"write_uid"=%d,"w...'):format(
    model.table, f.name, v, env.uid)
  local caret = (" "):rep(#('LINE 1: UPDATE "%s" SET "%s"='):format(model.table, f.name)) .. "^"
  faults.raise("psycopg2.errors.InvalidTextRepresentation",
    ('invalid input syntax for type integer: "%s"\n%s\n%s\n'):format(v, line, caret))
end

local function to_many2one(env, model, f, v)
  local id = math.type(v) == "integer" and v or nil
  if type(v) == "string" and env.version < 17 and v ~= "" then
    id = math.tointeger(tonumber(v:match("^%s*[+-]?%d+%s*$")))
    if not id then bad_number_text(env, model, f, v) end
  end
  if not id or id == 0 then return nil end
  if not env:row(f.relation, id) then
    if f.company then return nil end
    words.no_such_target(env, model, f, id)
  end
  return id
end

local function to_reference(env, model, f, v)
  local id = to_integer(env, model, f, v)
  return id ~= 0 and id or nil
end

local WRITERS <const> = {
  char = to_text, text = to_text, html = to_html, boolean = to_boolean, integer = to_integer,
  float = to_float, monetary = to_float, date = to_date, datetime = to_datetime,
  selection = to_selection, many2one = to_many2one, many2one_reference = to_reference,
}

--- The stored form of one value, nil for NULL. Raises what Odoo raises.
---@param env sandbox.OdooEnv
---@param model table
---@param f sandbox.Field
---@param v any
---@return any
function convert.to_stored(env, model, f, v)
  return WRITERS[f.type](env, model, f, v)
end

--- The key under which a field's value stands in a row, in this company and language.
---@param env sandbox.OdooEnv
---@param f sandbox.Field
---@return string
function convert.key(env, f)
  if f.company then return f.name .. "@" .. env.company end
  if f.translate and env.lang then return f.name .. "@" .. env.lang end
  return f.name
end

-- Reading ----------------------------------------------------------------------------------------

local function pair_of(env, f, id, bare)
  if not id then return false end
  local row = env:row(f.relation, id)
  if not row then return false end
  if bare then return id end
  return json.array { id, env:show(f.relation, row) }
end

--- A value as `read` gives it.
---@param env sandbox.OdooEnv
---@param model table
---@param rec table
---@param f sandbox.Field
---@param bare boolean  many2one as an id instead of [id, name]
---@return any
function convert.to_wire(env, model, rec, f, bare)
  local v = env:value(model, rec, f.name)
  local kind = f.type
  if kind == "many2one" then return pair_of(env, f, v, bare) end
  if f.x2many then
    return json.array(query.members(env, f.relation, v))
  end
  if kind == "boolean" then return v == true end
  if kind == "integer" or kind == "many2one_reference" then return v or 0 end
  if kind == "float" or kind == "monetary" then return py.wire_float(v or 0.0) end
  if v == nil then return false end
  if kind == "datetime" then return instant.text(v) end
  return v
end

return convert
