--- Reads what a flow declares: shape, keys and types; all mistakes at once.
--
-- The result is plain and complete (defaults filled in, lists where one name may stand
-- alone), so that `navodoo.compile` need not look for mistakes any more.

local duration = require "navodoo.duration"
local kind = require "navodoo.kind"
local null = require "navodoo.json".null
local outline = require "navodoo.outline"
local problem = require "navodoo.problem"
local time = require "navodoo.time"

local declare = {}

---@class navodoo.Entry   one line of `fields`
---@field nav string[]     NAV properties, may be empty
---@field odoo string[]    Odoo fields
---@field map navodoo.Map?
---@field lookup navodoo.Lookup?
---@field get function?    written in the flow itself
---@field put function?
---@field required boolean?
---@field max integer|table<string, integer>|nil
---@field owner "nav"|"odoo"|nil
---@field line integer?

---@class navodoo.Declaration
---@field name string
---@field file string
---@field line integer?
---@field nav { read: string, write: string, key: string[], watch: table }
---@field odoo { model: string, where: table, archived: boolean }
---@field link { xmlid: string, adopt: { nav: string, odoo: string }[], unsure: string }
---@field entries navodoo.Entry[]
---@field on_create navodoo.Entry[]   fields that are written on creation only
---@field rules navodoo.Rule[]

-- ---- helpers: one reader per declaration -------------------------------------------

local reader = {}
reader.__index = reader

function reader:note(path, text, near)
  local line, column = outline.find(self.places, path)
  self.problems[#self.problems + 1] = problem.new {
    file = self.file, line = line or self.line, column = column, text = text, near = near,
  }
end

function reader:line_of(path) return self.places[path] and self.places[path].line or self.line end

-- Reports the keys of `t` that are not in `known`, and list items unless `listed`.
function reader:keys(path, t, known, listed)
  for key in pairs(t) do
    if type(key) ~= "string" then
      if not listed then
        self:note(path, ("%s: item %s without a key"):format(path, tostring(key)))
      end
    end
  end
  for _, key in ipairs(problem.names(t)) do
    local found = false
    for _, k in ipairs(known) do found = found or k == key end
    if not found then
      self:note(path == "" and key or path .. "." .. key,
        ("unknown key %s%q"):format(path == "" and "" or "in " .. path .. ": ", key),
        problem.near(key, known))
    end
  end
end

-- A value of type `wanted`; nil when it is absent (noted if `needed`) or of another type.
function reader:get(t, path, key, wanted, needed)
  local v = t[key]
  local here = path == "" and key or path .. "." .. key
  if v == nil then
    if needed then self:note(path, ("%s is missing"):format(here)) end
    return nil
  end
  if v == problem.broken then return nil end
  if type(v) ~= wanted then
    self:note(here, ("%s must be a %s, got %s"):format(here, wanted, problem.a(v)))
    return nil
  end
  return v
end

-- A name or a list of names, as a list.
function reader:name_list(v, here)
  if type(v) == "string" then return { v } end
  if type(v) ~= "table" then
    self:note(here, ("%s must be a name or a list of names, got %s"):format(here, problem.a(v)))
    return nil
  end
  local out = {}
  for i, name in ipairs(v) do
    if type(name) ~= "string" then
      self:note(here, ("%s: name %d is %s"):format(here, i, problem.a(name)))
      return nil
    end
    out[i] = name
  end
  if #out == 0 then
    self:note(here, here .. ": the list is empty")
    return nil
  end
  return out
end

-- ---- the sections -------------------------------------------------------------------

local function read_watch(r, watch)
  local out = { every_ms = 30000 }
  if not watch then return out end
  r:keys("nav.watch", watch, { "every", "scan", "stamp" })
  out.stamp = r:get(watch, "nav.watch", "stamp", "string")
  if watch.every ~= nil then
    local ms, why = duration.ms(watch.every)
    if ms and ms < 100 then ms, why = nil, "every must be 100ms or longer" end
    if not ms then r:note("nav.watch.every", "nav.watch.every: " .. why) end
    out.every_ms = ms or out.every_ms
  end
  local scan = r:get(watch, "nav.watch", "scan", "string")
  if scan then
    local at, why = time.cron_next(scan, "UTC", 0)
    if not at then r:note("nav.watch.scan", ("nav.watch.scan: %q: %s"):format(scan, why)) end
    out.scan = scan
  end
  return out
end

local function read_nav(r, d)
  local nav = r:get(d, "", "nav", "table", true)
  if not nav then return end
  r:keys("nav", nav, { "key", "read", "watch", "write" })
  local read = r:get(nav, "nav", "read", "string", true)
  local key
  if nav.key ~= nil then key = r:name_list(nav.key, "nav.key")
  else r:note("nav", 'nav.key is missing: the property that names a record, such as "No"') end
  return { read = read, write = r:get(nav, "nav", "write", "string") or read, key = key,
           watch = read_watch(r, r:get(nav, "nav", "watch", "table")) }
end

local function read_odoo(r, d)
  local odoo = r:get(d, "", "odoo", "table", true)
  if not odoo then return end
  r:keys("odoo", odoo, { "archived", "model", "where" })
  local where = r:get(odoo, "odoo", "where", "table") or {}
  for i, term in ipairs(where) do
    if type(term) ~= "string" and not (type(term) == "table" and #term == 3) then
      r:note("odoo.where." .. i,
        ("odoo.where: term %d is not { field, operator, value }"):format(i))
    end
  end
  return { model = r:get(odoo, "odoo", "model", "string", true), where = where,
           archived = r:get(odoo, "odoo", "archived", "boolean") or false }
end

local function read_adopt(r, adopt)
  local out = {}
  if not adopt then return out end
  if type(adopt[1]) == "string" then adopt = { adopt } end
  for i, pair in ipairs(adopt) do
    local fine = type(pair) == "table" and #pair == 2
    if fine and type(pair[1]) == "string" and type(pair[2]) == "string" then
      out[i] = { nav = pair[1], odoo = pair[2] }
    else
      r:note("link.adopt", ("link.adopt: pair %d is not { NAV property, Odoo field }"):format(i))
    end
  end
  return out
end

local function read_link(r, d)
  local link = r:get(d, "", "link", "table", true)
  if not link then return end
  r:keys("link", link, { "adopt", "unsure", "xmlid" })
  local xmlid = r:get(link, "link", "xmlid", "string", true)
  if xmlid and not xmlid:find "^[%a][%w_]*$" then
    r:note("link.xmlid", ("link.xmlid: letters, digits and _ only, got %q"):format(xmlid))
  end
  local unsure = r:get(link, "link", "unsure", "string") or "review"
  if unsure ~= "review" then
    r:note("link.unsure", ('link.unsure: only "review" is possible, got %q'):format(unsure),
      "review")
  end
  local adopt = read_adopt(r, r:get(link, "link", "adopt", "table"))
  return { xmlid = xmlid, adopt = adopt, unsure = unsure }
end

local function read_max(r, path, max)
  if max == nil or (math.type(max) == "integer" and max > 0) then return max end
  if type(max) == "table" and next(max) ~= nil then
    for version, n in pairs(max) do
      if type(version) ~= "string" or math.type(n) ~= "integer" or n < 1 then max = nil break end
    end
    if max then return max end
  end
  r:note(path .. ".max", "max is a whole number, or one per version: { nav2018 = 50, bc = 100 }")
end

local function read_transform(r, path, e, entry)
  local via = e[3]
  entry.get = r:get(e, path, "get", "function")
  entry.put = r:get(e, path, "put", "function")
  if via == nil or via == problem.broken then return end
  local k = type(via) == "table" and via.kind
  if k == "map" then
    entry.map = via
    if via.arity ~= #entry.nav or via.targets ~= #entry.odoo then
      r:note(path, ("map.%s takes %d NAV fields and fills %d of Odoo, not %d and %d"):format(
        via.name, via.arity, via.targets, #entry.nav, #entry.odoo))
    end
  elseif k == "lookup" then
    entry.lookup = via
    if #entry.nav ~= 1 or #entry.odoo ~= 1 then
      r:note(path, ("lookup.%s takes one NAV field and fills one of Odoo"):format(via.name))
    end
  elseif type(via) == "function" then
    r:note(path, "a function stands after get = (NAV to Odoo) or put = (Odoo to NAV)")
  else
    r:note(path, ("the third place of an entry is for a map or a lookup, got %s"):format(
      problem.a(via)))
  end
  if entry.get and (k == "map" or k == "lookup") then
    r:note(path, ("get and %s.%s both make the value; one has to go"):format(k, via.name))
  end
end

local function read_entry(r, path, e)
  if e == problem.broken then return end
  if type(e) ~= "table" then
    r:note(path, ("%s: a table is expected, got %s"):format(path, problem.a(e)))
    return
  end
  r:keys(path, e, { "get", "max", "owner", "put", "required" }, true)
  local entry = { nav = {}, line = r:line_of(path), path = path }
  if e[1] ~= nil then entry.nav = r:name_list(e[1], path) end
  if e[2] == nil then
    r:note(path, ("%s names no Odoo field"):format(path))
  elseif e[2] ~= problem.broken then
    entry.odoo = r:name_list(e[2], path)
  end
  if not entry.nav or not entry.odoo then return end
  read_transform(r, path, e, entry)
  if not (entry.map or entry.lookup or entry.get) and e[3] ~= problem.broken then
    if #entry.nav ~= #entry.odoo then
      r:note(path, #entry.nav == 0
        and "no NAV field, and nothing that makes the value: give it a map or get ="
        or ("%d NAV fields to %d of Odoo need a map or get ="):format(#entry.nav, #entry.odoo))
      return
    end
  end
  entry.required = r:get(e, path, "required", "boolean")
  entry.max = read_max(r, path, e.max)
  if #entry.nav ~= 1 and (entry.required or entry.max) then
    r:note(path, "required and max stand on entries of one NAV field; write a rule for several")
  end
  entry.owner = r:get(e, path, "owner", "string")
  if entry.owner and entry.owner ~= "nav" and entry.owner ~= "odoo" then
    r:note(path .. ".owner", ('owner is "nav" or "odoo", got %q'):format(entry.owner),
      problem.near(entry.owner, { "nav", "odoo" }))
  end
  return entry
end

local function read_fields(r, d)
  local fields, out = r:get(d, "", "fields", "table", true), {}
  if not fields then return out end
  r:keys("fields", fields, {}, true)
  local count = 0
  for i, e in ipairs(fields) do
    count = i
    out[#out + 1] = read_entry(r, "fields." .. i, e)
  end
  if count == 0 then r:note("fields", "fields is empty: nothing would be written") end
  return out
end

-- `create.odoo`: field = value, or lookup.x { "NAV field" }.
local function read_create(r, d)
  local create, out = r:get(d, "", "create", "table"), {}
  if not create then return out end
  r:keys("create", create, { "odoo" })
  local odoo = r:get(create, "create", "odoo", "table") or {}
  for _, field in ipairs(problem.names(odoo)) do
    local path, v = "create.odoo." .. field, odoo[field]
    local entry = { nav = {}, odoo = { field }, line = r:line_of(path), path = path }
    if type(v) == "table" and v.kind == "lookup" then
      entry.lookup, entry.nav = v, v.fields or {}
      if #entry.nav ~= 1 then
        r:note(path, ("%s: name one NAV field, as in lookup.%s { \"Field\" }"):format(path, v.name))
      end
      out[#out + 1] = entry
    elseif kind.of_value(v) then
      entry.constant = v
      out[#out + 1] = entry
    elseif v ~= problem.broken then
      r:note(path, ("%s: a value or a lookup is expected, got %s"):format(path,
        v == null and "null" or problem.a(v)))
    end
  end
  return out
end

local function read_rules(r, d)
  local rules, out = r:get(d, "", "rules", "table"), {}
  for i, rule in ipairs(rules or {}) do
    if type(rule) == "table" and rule.kind == "rule" then
      out[#out + 1] = rule
    elseif rule ~= problem.broken then -- that one was noted where it was made
      r:note("rules." .. i,
        ('rules.%d is no rule: write rule "what it demands" { "Field", ... }'):format(i))
    end
  end
  return out
end

local function find_doubles(r, spec)
  local first = {}
  for _, list in ipairs { spec.entries, spec.on_create } do
    for _, entry in ipairs(list) do
      for _, field in ipairs(entry.odoo) do
        if first[field] then
          r:note(entry.path, ("%q is written twice: by the entry in line %s and by this one")
            :format(field, tostring(first[field].line)))
        end
        first[field] = first[field] or entry
      end
    end
  end
end

local TOP <const> = { "create", "fields", "link", "nav", "odoo", "rules" }

--- Reads a flow's declaration.
---@param flow navodoo.Flow
---@param places table<string, navodoo.Place>  from `navodoo.outline`
---@param file string
---@return navodoo.Declaration spec  usable only when there are no problems
---@return navodoo.Problem[] problems
function declare.read(flow, places, file)
  local r = setmetatable({ places = places, file = file, line = flow.line, problems = {} }, reader)
  local d = flow.declaration
  if not flow.name:find "^%l[%l%d_]*$" then
    r:note("", ("flow %q: the name is made of small letters, digits and _"):format(flow.name))
  end
  r:keys("", d, TOP)
  local spec = {
    name = flow.name, file = file, line = flow.line,
    nav = read_nav(r, d), odoo = read_odoo(r, d), link = read_link(r, d),
    entries = read_fields(r, d), on_create = read_create(r, d), rules = read_rules(r, d),
  }
  find_doubles(r, spec)
  return spec, r.problems
end

return declare
