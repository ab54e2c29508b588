--- Records that nobody thought of, to try a mapping on: the samples of a flow with values put
-- in that break careless code, from a seed.
--
-- What a field may hold is learned from the samples (its type), from the flow (options of a
-- choice, codes of a lookup) and from the stored schema of its page or model where there is
-- one. Same seed, same records. Pure.

local decimal = require "navodoo.decimal"
local nav_tables = require "navodoo.nav_tables"
local null = require "navodoo.json".null
local text = require "navodoo.text"

local generate = {}

-- Texts that real masters hold.
local TEXTS <const> = {
  "", " ", "  leading", "trailing  ", "Müller & Söhne", "O'Brien", "Παπαδόπουλος", "株式会社", "a\u{301}b",
  "x", ("W"):rep(50), ("é"):rep(100), "quote \" and \\", "<b>bold</b>", "0", "false", "1e5", "DE 123 456 789",
  "one@example.com; two@example.com", "no address", "CHE-123.456.788 MWST", "2018-02-30", "\u{1F600}", "tab\there",
  "50%,a", "00012",
}
local AMOUNTS <const> = { "0", "0.00", "0.1", "-0.01", "12500.50", "99999999999999.99", "2.675", "1000", "-7" }
local INTEGERS <const> = { 0, 1, -1, 5, 2147483647, 9007199254740993 }
local DATES <const> = { "2018-01-25", "2000-02-29", "1753-01-01", "9999-12-31" }

-- A small generator of our own (xorshift64*): equal on every machine.
local function random_of(seed)
  local state = (seed * 0x9E3779B97F4A7C15) | 1
  return function(n)
    state = state ~ (state >> 12)
    state = state ~ (state << 25)
    state = state ~ (state >> 27)
    return ((state * 0x2545F4914F6CDD1D) >> 33) % n + 1
  end
end

local function kind_of(v)
  if decimal.is(v) then return "amount" end
  if math.type(v) == "integer" then return "integer" end
  if type(v) == "boolean" then return "boolean" end
  if type(v) == "string" then return v:find "^%d%d%d%d%-%d%d%-%d%d$" and "date" or "text" end
end

local OF_SCHEMA <const> = { decimal = "amount", integer = "integer", boolean = "boolean", date = "date",
                            many2one = "id", one2many = "ids", many2many = "ids", datetime = "instant" }

local field_mt = {}
field_mt.__index = field_mt

function field_mt:learn(v)
  if v == nil or v == null or v == false and self.side == "odoo" and self.kind ~= "boolean" then return end
  local kind = kind_of(v)
  -- 1000 among amounts is an amount
  if not self.kind or (self.kind == "integer" and kind == "amount") then self.kind = kind or self.kind end
  local key = type(v) .. tostring(v)
  if kind and not self.seen[key] and #self.pool < 40 then
    self.seen[key], self.pool[#self.pool + 1] = true, v
  end
end

local function sorted_keys(t)
  local keys = {}
  for k in pairs(t) do keys[#keys + 1] = k end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  return keys
end

-- Options of a choice, codes of a lookup: values that mean something to the flow.
local function learn_entry(fields, entry, side, lookups)
  local name = entry[side][1]
  local field = name and #entry[side] == 1 and fields[name]
  if not field then return end
  if entry.map and entry.map.options then
    for _, from in ipairs(sorted_keys(entry.map.options)) do
      field:learn(side == "nav" and from or entry.map.options[from])
    end
  elseif entry.map and entry.map.takes == "number" then
    field.kind = field.kind == "integer" and entry.map.name == "integer" and "integer" or field.kind or "amount"
  end
  local found = entry.lookup
  if found then
    for i, code in ipairs(sorted_keys(found.values or {})) do
      if i <= 10 then field:learn(side == "nav" and code or nil) end
    end
    for _, code in ipairs(sorted_keys(lookups[found.name] or {})) do
      field:learn(side == "nav" and code or lookups[found.name][code])
    end
    if side == "odoo" and found.value == "id" then field.kind = "id" end
  end
end

local generator = {}
generator.__index = generator

---@param flow navodoo.Compiled
---@param side "nav"|"odoo"          whose records
---@param samples navodoo.Sample[]   of this flow, both directions
---@param options { lookups: table?, schema: table?, seed: integer? }
---@return table generator
function generate.open(flow, side, samples, options)
  local names, fields = {}, {}
  local function field(name)
    if not fields[name] then
      fields[name] = setmetatable({ pool = {}, seen = {}, side = side }, field_mt)
      names[#names + 1] = name
    end
    return fields[name]
  end
  for _, list in ipairs { flow.spec.entries, flow.spec.on_create, flow.spec.on_create_nav } do
    for _, entry in ipairs(list) do
      for _, name in ipairs(entry[side]) do field(name) end
    end
  end
  if side == "nav" then
    for _, name in ipairs(flow.nav_fields) do field(name) end
  else
    for _, name in ipairs(flow.odoo_read_fields or {}) do field(name) end
  end
  table.sort(names)
  local bases = {}
  for _, s in ipairs(samples) do
    local here = s.direction == "nav_to_odoo" and "nav" or "odoo"
    local record = here == side and s.record or s.current or s.expected
    if record then
      for _, name in ipairs(names) do fields[name]:learn(record[name]) end
    end
    if here == side then bases[#bases + 1] = s.record end
  end
  -- what a NAV of this version would never hold is no test of the flow
  local known = side == "nav" and nav_tables.fields(flow.nav.write, flow.nav_version) or {}
  for _, name in ipairs(names) do
    local own = known[name]
    if own then
      fields[name].max, fields[name].is_code = own.max, own.type == "code"
      fields[name].kind = OF_SCHEMA[own.type] or fields[name].kind
      fields[name].closed = own.options ~= nil
      for _, option in ipairs(own.options or {}) do fields[name]:learn(option) end
    end
    local def = options.schema and options.schema.fields and options.schema.fields[name]
    if def then
      fields[name].kind = OF_SCHEMA[def.type] or "text"
      for _, option in ipairs(def.options or {}) do fields[name]:learn(option) end
    end
  end
  for _, list in ipairs { flow.spec.entries, flow.spec.on_create } do
    for _, entry in ipairs(list) do learn_entry(fields, entry, side, options.lookups or {}) end
  end
  return setmetatable({ side = side, names = names, fields = fields, bases = bases, count = 0,
                        random = random_of(options.seed or 1) }, generator)
end

-- A text as NAV would keep it: codes in capitals and trimmed, nothing longer than the field.
local function kept(field, v)
  if type(v) ~= "string" then return v end
  if field.is_code then v = text.upper(text.trim(v)) end
  if field.max and text.utf16_length(v) > field.max then v = text.truncate(v, field.max) end
  return field.is_code and text.trim(v) or v
end

function generator:value(field)
  return kept(field, self:any_value(field))
end

function generator:any_value(field)
  local random = self.random
  if field.closed then return random(8) > 1 and field.pool[random(#field.pool)] or nil end
  local dice = random(10)
  if #field.pool > 0 and dice <= 5 then return field.pool[random(#field.pool)] end
  if dice == 6 and self.side == "nav" then return nil end
  if dice == 7 then
    if self.side == "odoo" then return false end
    if field.kind == "date" or field.kind == "instant" then return null end
    if field.kind == "text" or not field.kind then return "" end
  end
  local kind = field.kind or "text"
  if kind == "amount" then return decimal.new(AMOUNTS[random(#AMOUNTS)]) end
  if kind == "integer" then return INTEGERS[random(#INTEGERS)] end
  if kind == "boolean" then return random(2) == 1 end
  if kind == "date" then return DATES[random(#DATES)] end
  if kind == "instant" then return DATES[random(#DATES)] .. "T10:00:00Z" end
  if kind == "id" then return random(3) == 1 and false or random(500) end
  if kind == "ids" then return {} end
  return TEXTS[random(#TEXTS)]
end

--- The next record: a sample with some fields exchanged, now and then one made up entirely.
---@return table
function generator:next()
  self.count = self.count + 1
  local record = {}
  local base = #self.bases > 0 and self.random(5) > 1 and self.bases[self.random(#self.bases)]
  if base then
    for k, v in pairs(base) do record[k] = v end -- a copy: the order shows nowhere
  end
  local changes = base and self.random(math.max(#self.names // 2, 1)) or #self.names
  for i = 1, changes do
    local name = self.names[base and self.random(#self.names) or i]
    record[name] = self:value(self.fields[name])
  end
  if self.side == "odoo" then record.id = record.id or 1000 + self.count end
  return record
end

return generate
