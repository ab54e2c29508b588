--- Reads what a flow declares: shape, keys and types; all mistakes at once.
--
-- The result is plain and complete (defaults filled in, lists where one name may stand
-- alone), so that `navodoo.compile` need not look for mistakes any more.

local duration = require "navodoo.duration"
local entries = require "navodoo.declare.entry"
local kind = require "navodoo.kind"
local problem = require "navodoo.problem"
local reader = require "navodoo.declare.reader"
local time = require "navodoo.time"

local declare = {}

---@class navodoo.Policy
---@field conflict "nav"|"odoo"|"review"|"newest"
---@field gone { from_nav: "archive"|"review"|"ignore", from_odoo: "block"|"review"|"ignore" }
---@field number "series"|{ prefix: string, digits: integer }|nil
---@field probe string?          property that makes a record of a series findable
---@field create_in_nav boolean

---@class navodoo.Declaration
---@field name string
---@field file string
---@field line integer?
---@field places table<string, navodoo.Place>
---@field directions ("nav_to_odoo"|"odoo_to_nav")[]
---@field nav { read: string, write: string, key: string[], watch: table, where: table[], block: table? }
---@field odoo { model: string, where: table, archived: boolean, watch: table? }
---@field link { xmlid: string, adopt: { nav: string, odoo: string }[], alike: boolean?, unsure: string,
--   cluster: string? }   alike = false: names that are nearly the same make no doubt
---@field policy navodoo.Policy
---@field entries navodoo.Entry[]
---@field on_create navodoo.Entry[]      what is set on new records of Odoo only
---@field on_create_nav navodoo.Entry[]  and of NAV
---@field rules navodoo.Rule[]

-- ---- the sections -------------------------------------------------------------------

local MODES <const> = { "change_log", "entry_no", "integration_record", "scan", "stamp" }
local TOLD <const> = { change_log = true, integration_record = true } -- by a page of their own

-- What each way to watch needs: `stamp` a property, the told ones their page and the number of
-- the watched table.
local function read_mode(r, watch, out)
  local mode = r:get(watch, "nav.watch", "mode", "string")
  local known = mode == nil
  for _, name in ipairs(MODES) do known = known or name == mode end
  if not known then
    r:note("nav.watch.mode", ("nav.watch.mode: there is no way to watch called %q; there are %s"):format(mode,
      table.concat(MODES, ", ")), problem.near(mode, MODES))
    return
  end
  out.mode = mode
  if mode == "stamp" and not out.stamp then
    r:note("nav.watch.mode", "nav.watch.mode: stamp needs stamp = the property with the date of the last change")
  elseif mode and mode ~= "stamp" and out.stamp then
    r:note("nav.watch.stamp", ("nav.watch.stamp: mode %s goes by no stamp"):format(mode))
  end
  if TOLD[mode] then
    out.page = r:get(watch, "nav.watch", "page", "string", true)
    out.table_no = r:get(watch, "nav.watch", "table_no", "number", true)
    if out.table_no and (math.type(out.table_no) ~= "integer" or out.table_no < 1) then
      r:note("nav.watch.table_no", "nav.watch.table_no: the number of the watched table, such as 18 for Customer")
    end
    return
  end
  for _, key in ipairs { "page", "table_no" } do
    if watch[key] ~= nil then
      r:note("nav.watch." .. key, ("nav.watch.%s is for the modes change_log and integration_record"):format(key))
    end
  end
end

local function read_watch(r, watch)
  local out = { every_ms = 30000 }
  if not watch then return out end
  r:keys("nav.watch", watch, { "every", "mode", "page", "scan", "stamp", "table_no" })
  out.stamp = r:get(watch, "nav.watch", "stamp", "string")
  read_mode(r, watch, out)
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

-- `where` of NAV: { field, operator, value } as Odoo writes them, all of them together.
local OPERATORS <const> = { ["="] = "eq", ["!="] = "ne", [">"] = "gt", [">="] = "ge", ["<"] = "lt",
                            ["<="] = "le" }

local function read_clauses(r, where)
  local out = {}
  for i, term in ipairs(where or {}) do
    local path = "nav.where." .. i
    if type(term) ~= "table" or #term ~= 3 or type(term[1]) ~= "string" then
      r:note(path, ("nav.where: term %d is not { property, operator, value }"):format(i))
    elseif not OPERATORS[term[2]] then
      r:note(path, ("nav.where: there is no operator %s; there are = != > >= < <="):format(
        tostring(term[2])))
    else
      out[#out + 1] = { term[1], OPERATORS[term[2]], term[3] }
    end
  end
  return out
end

local NUMBER_MAX <const> = 20 -- Code[20]

-- How a new record of NAV is numbered: by its series, or by the engine from Odoo's id.
local function read_number(r, nav)
  local number = nav.number
  if number == nil or number == "series" or number == problem.broken then return number end
  if type(number) ~= "table" then
    r:note("nav.number", 'nav.number is "series", or { prefix = "O", digits = 7 }, got '
      .. (type(number) == "string" and ("%q"):format(number) or problem.a(number)),
      problem.near(number, { "series" }))
    return nil
  end
  r:keys("nav.number", number, { "digits", "prefix" })
  local prefix = r:get(number, "nav.number", "prefix", "string", true)
  local digits = r:get(number, "nav.number", "digits", "number", true)
  if digits and (math.type(digits) ~= "integer" or digits < 1 or #(prefix or "") + digits > NUMBER_MAX) then
    r:note("nav.number.digits", ("nav.number.digits: a whole number is expected, with the prefix "
      .. "at most %d characters"):format(NUMBER_MAX))
  end
  if prefix and prefix:find "[^%u%d%-]" then
    r:note("nav.number.prefix", "nav.number.prefix: NAV's codes are of capital letters and digits")
  end
  return { prefix = prefix, digits = digits }
end

local function read_nav(r, d)
  local nav = r:get(d, "", "nav", "table", true)
  if not nav then return end
  r:keys("nav", nav, { "block", "key", "number", "probe", "read", "watch", "where", "write" })
  local read = r:get(nav, "nav", "read", "string", true)
  local key
  if nav.key ~= nil then key = r:name_list(nav.key, "nav.key")
  else r:note("nav", 'nav.key is missing: the property that names a record, such as "No"') end
  local out = {
    read = read, write = r:get(nav, "nav", "write", "string") or read, key = key,
    watch = read_watch(r, r:get(nav, "nav", "watch", "table")),
    where = read_clauses(r, r:get(nav, "nav", "where", "table")),
    number = read_number(r, nav), probe = r:get(nav, "nav", "probe", "string"),
    block = r:get(nav, "nav", "block", "table"),
  }
  if TOLD[out.watch.mode] and key and #key > 1 then
    r:note("nav.watch.mode", ("nav.watch.mode: %s names records by one key field, this page has %d"):format(
      out.watch.mode, #key))
  end
  if out.number == "series" and not out.probe then
    r:note("nav.number", 'nav.number = "series" needs nav.probe: the property in which a new record '
      .. "is found again when the answer to its creation was lost")
  elseif out.probe and out.number ~= "series" then
    r:note("nav.probe", 'nav.probe is for nav.number = "series"')
  end
  for _, field in ipairs(problem.names(out.block or {})) do
    if not kind.of_value(out.block[field]) then
      r:note("nav.block." .. field, ("nav.block.%s: a value is expected, got %s"):format(field,
        problem.a(out.block[field])))
    end
  end
  return out
end

local function read_odoo_watch(r, watch)
  if not watch then return nil end
  r:keys("odoo.watch", watch, { "every", "hook", "sweep" })
  local out = { every_ms = 300000, hook = r:get(watch, "odoo.watch", "hook", "string"),
                sweep = r:get(watch, "odoo.watch", "sweep", "string") }
  if watch.every ~= nil then
    local ms, why = duration.ms(watch.every)
    if ms and ms < 100 then ms, why = nil, "every must be 100ms or longer" end
    if not ms then r:note("odoo.watch.every", "odoo.watch.every: " .. why) end
    out.every_ms = ms or out.every_ms
  end
  if out.hook and not out.hook:find "^%l[%l%d_]*$" then
    r:note("odoo.watch.hook", ("odoo.watch.hook: small letters, digits and _ only, got %q"):format(
      out.hook))
  end
  local at, why = true, nil
  if out.sweep then at, why = time.cron_next(out.sweep, "UTC", 0) end
  if not at then r:note("odoo.watch.sweep", ("odoo.watch.sweep: %q: %s"):format(out.sweep, why)) end
  return out
end

local function read_odoo(r, d)
  local odoo = r:get(d, "", "odoo", "table", true)
  if not odoo then return end
  r:keys("odoo", odoo, { "archived", "model", "watch", "where" })
  local where = r:get(odoo, "odoo", "where", "table") or {}
  for i, term in ipairs(where) do
    if type(term) ~= "string" and not (type(term) == "table" and #term == 3) then
      r:note("odoo.where." .. i,
        ("odoo.where: term %d is not { field, operator, value }"):format(i))
    end
  end
  return { model = r:get(odoo, "odoo", "model", "string", true), where = where,
           archived = r:get(odoo, "odoo", "archived", "boolean") or false,
           watch = read_odoo_watch(r, r:get(odoo, "odoo", "watch", "table")) }
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
  r:keys("link", link, { "adopt", "alike", "cluster", "unsure", "xmlid" })
  local xmlid = r:get(link, "link", "xmlid", "string", true)
  if xmlid and not xmlid:find "^[%a][%w_]*$" then
    r:note("link.xmlid", ("link.xmlid: letters, digits and _ only, got %q"):format(xmlid))
  end
  local unsure = r:get(link, "link", "unsure", "string") or "review"
  if unsure ~= "review" then
    r:note("link.unsure", ('link.unsure: only "review" is possible, got %q'):format(unsure),
      "review")
  end
  return { xmlid = xmlid, adopt = read_adopt(r, r:get(link, "link", "adopt", "table")),
           alike = r:get(link, "link", "alike", "boolean"),
           unsure = unsure, cluster = r:get(link, "link", "cluster", "string") }
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

-- What is decided when both sides changed, and when one side's record is gone.
local function read_policy(r, d, nav)
  local gone = r:get(d, "", "gone", "table") or {}
  r:keys("gone", gone, { "from_nav", "from_odoo" })
  local policy = {
    conflict = r:choice(d, "", "conflict", { "nav", "odoo", "review", "newest" }, "review"),
    gone = {
      from_nav = r:choice(gone, "gone", "from_nav", { "archive", "review", "ignore" }, "review"),
      from_odoo = r:choice(gone, "gone", "from_odoo", { "block", "review", "ignore" }, "review"),
    },
    number = nav and nav.number, probe = nav and nav.probe,
    create_in_nav = nav ~= nil and nav.number ~= nil,
  }
  if nav and policy.gone.from_odoo == "block" and not nav.block then
    r:note("gone.from_odoo", 'gone.from_odoo = "block" needs nav.block: what is written then, as in '
      .. 'nav = { ..., block = { Blocked = "All" } }')
  end
  return policy
end

-- No field of either side is written by two entries.
local function find_doubles(r, spec)
  local function note_twice(first, entry, field)
    r:note(entry.path, ("%q is written twice: by the entry in line %s and by this one"):format(
      field, tostring(first.line)))
  end
  for _, side in ipairs { "odoo", "nav" } do
    local first, way = {}, side == "odoo" and "forth" or "back"
    for _, list in ipairs { spec.entries, spec.on_create, spec.on_create_nav } do
      for _, entry in ipairs(list) do
        for _, field in ipairs(entry[way] and entry[side] or {}) do
          if first[field] then note_twice(first[field], entry, field) end
          first[field] = first[field] or entry
        end
      end
    end
  end
end

-- NAV's key of a new record: all parts but the last come from entries.
local function find_key_parts(r, spec)
  if not (spec.policy.create_in_nav and spec.nav and spec.nav.key) then return end
  local made = {}
  for _, list in ipairs { spec.entries, spec.on_create_nav } do
    for _, entry in ipairs(list) do
      for _, name in ipairs(entry.back and entry.nav or {}) do made[name] = true end
    end
  end
  for i = 1, #spec.nav.key - 1 do
    if not made[spec.nav.key[i]] then
      r:note("nav.key", ("a new record of NAV would have no %s: give it an entry"):format(
        spec.nav.key[i]))
    end
  end
end

local TOP <const> = { "conflict", "create", "fields", "gone", "link", "nav", "odoo", "rules" }

--- Reads a flow's declaration.
---@param flow navodoo.Flow
---@param places table<string, navodoo.Place>  from `navodoo.outline`
---@param file string
---@return navodoo.Declaration spec  usable only when there are no problems
---@return navodoo.Problem[] problems
function declare.read(flow, places, file)
  local r = reader.new(file, flow.line, places)
  local d = flow.declaration
  if not flow.name:find "^%l[%l%d_]*$" then
    r:note("", ("flow %q: the name is made of small letters, digits and _"):format(flow.name))
  end
  r:keys("", d, TOP)
  local spec = { name = flow.name, file = file, line = flow.line, places = places,
                 nav = read_nav(r, d), odoo = read_odoo(r, d), link = read_link(r, d) }
  local ways = { into_nav = spec.odoo ~= nil and spec.odoo.watch ~= nil, is_key = {} }
  for _, name in ipairs(spec.nav and spec.nav.key or {}) do ways.is_key[name] = true end
  spec.directions = {}
  if not ways.into_nav or type(d.nav) == "table" and d.nav.watch then spec.directions[1] = "nav_to_odoo" end
  if ways.into_nav then table.insert(spec.directions, "odoo_to_nav") end
  spec.policy = read_policy(r, d, spec.nav)
  spec.entries = entries.read(r, d, ways)
  spec.on_create, spec.on_create_nav = entries.read_create(r, d, ways)
  spec.rules = read_rules(r, d)
  find_doubles(r, spec)
  find_key_parts(r, spec)
  return spec, r.problems
end

return declare
