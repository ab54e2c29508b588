--- First sight of an Odoo record: does NAV have it already?
--
-- The mirror of what batch.lua does for NAV's records: an external id of ours names its
-- NAV record; else NAV is searched for the strong values (VAT number, e-mail) in the ways
-- they are usually spelled. A sure match is adopted, a doubtful one waits for a person, and
-- nothing is created beside it. Names that a run adds to its locks are taken only when they
-- are free: whoever waits while holding could wait for ever.

local json = require "navodoo.json"
local store = require "navodoo.store"
local time = require "navodoo.time"
local adopt = require "navodoo.engine.adopt"
local keys = require "navodoo.engine.keys"
local lane = require "navodoo.engine.lane"
local sight = require "navodoo.engine.sight"

local matching = {}

--- Candidates of one value, and of one beginning of a name, that are looked at.
local CANDIDATES <const>, NAMES <const> = 5, 500

--- Records that carry an external id of ours belong to a NAV record: the other direction
-- finds it by that.
local function ours(engine, txn, items)
  local records = {}
  for i, item in ipairs(items) do records[i] = item.current end
  if #records == 0 then return true end
  local names, err = engine.odoo:names_of(engine.model, records)
  if not names then return nil, err end
  for _, item in ipairs(items) do
    for _, name in ipairs(names[item.id] or {}) do
      local key = engine:key_of_xmlid(name)
      if key and not item.result and not (item.decision and item.decision.create) then
        local now = time.now()
        txn:add("job_put", engine.flow.name, "nav_to_odoo", keys.nav(engine.company, key), now, now, nil, nil, nil)
        txn:add("job_done", item.job.id, item.job.rev)
        item.result = "quiet"
        engine.wake:set()
      end
    end
  end
  return true
end

--- Adds NAV's records that fit, in Odoo's words, each once.
local function add_rows(engine, found, seen, limit, where)
  local of_flow = engine.flow.nav.where
  table.move(of_flow, 1, #of_flow, #where + 1, where)
  local page, err = engine.nav:scan(engine.entity, { fields = engine.match_fields, limit = limit, where = where })
  if not page then return nil, err end
  for _, row in ipairs(page.rows) do
    if not seen[row.key] then
      seen[row.key] = true
      local c = { id = row.key }
      for odoo_field, nav_field in pairs(engine.match_by) do c[odoo_field] = row.record[nav_field] end -- by field
      found[#found + 1] = c
    end
  end
  return true
end

--- The first text behind all that begin so.
local function behind(beginning)
  local last = beginning:match(utf8.charpattern .. "$")
  return beginning:sub(1, #beginning - #last) .. utf8.char(utf8.codepoint(last) + 1)
end

--- NAV's records that share a strong value with an item, or begin with its name.
local function candidates(engine, strong, name)
  local found, seen = {}, {}
  for _, s in ipairs(strong) do
    for _, spelling in ipairs(adopt.spellings(s.value)) do
      local ok, err = add_rows(engine, found, seen, CANDIDATES, { { s.nav, "eq", spelling } })
      if not ok then return nil, err end
    end
  end
  local field = engine.flow.link.alike ~= false and engine.match_by.name
  for _, beginning in ipairs(field and adopt.beginnings(name) or {}) do
    local ok, err = add_rows(engine, found, seen, NAMES, { { field, "ge", beginning },
                                                           { field, "lt", behind(beginning) } })
    if not ok then return nil, err end
  end
  if #found == 0 then return found end
  local names = json.array {}
  for i, c in ipairs(found) do names[i] = keys.nav(engine.company, c.id) end
  local links, err = store.query("links_by_nav", engine.flow.name, assert(json.encode(names)))
  if not links then return nil, err end
  for _, l in ipairs(links) do
    for i, c in ipairs(found) do
      if names[i] == l.nav then c.linked = engine.model .. " " .. l.odoo end
    end
  end
  return found
end

local function adopt_it(engine, txn, item, key, sure)
  if not lane.hold(item, { lane.nav_name(engine, keys.nav(engine.company, key)) }) then return lane.later(txn, item) end
  item.nav_key, item.adopting, item.confidence = key, true, sure
end

local function look(engine, txn, item)
  local decision = item.decision or {}
  if decision.adopt then return adopt_it(engine, txn, item, decision.adopt, 1) or true end
  local rules = engine.flow.link.adopt
  local strong = not decision.create and adopt.strong_values(rules, item.current) or {}
  local names = {}
  for i, s in ipairs(strong) do names[i] = lane.claim_name(engine, s.name) end
  if #names > 0 and not lane.hold(item, names) then return lane.later(txn, item) or true end
  if not decision.create then
    local list, err = candidates(engine, strong, item.current.name)
    if not list then return nil, err end
    local verdict, best, sure = adopt.decide(rules, item.current, list)
    if verdict == "adopt" then return adopt_it(engine, txn, item, best.id, sure) or true end
    if verdict == "review" then
      sight.doubt(engine, txn, item, ("%s %d %q"):format(engine.model, item.id, tostring(item.current.name)),
                  ("NAV's %s"):format(tostring(best.id)), best, sure)
      return true
    end
  end
  if not engine.flow.policy.create_in_nav then -- found nothing to belong to, and may not begin
    item.result = "quiet"
    txn:add("job_done", item.job.id, item.job.rev)
  end
  return true
end

--- Looks at the items without a link: adopts, parks, or leaves them to be created.
---@param engine table
---@param txn navodoo.Txn
---@param items table[]
---@return boolean|nil ok
---@return table|nil err
function matching.sight(engine, txn, items)
  local new = {}
  for _, item in ipairs(items) do
    -- an adoption whose end was lost was decided before
    if not item.link and not item.adopting then new[#new + 1] = item end
  end
  local ok, err = ours(engine, txn, new)
  if not ok then return nil, err end
  for _, item in ipairs(new) do
    if not item.result then
      ok, err = look(engine, txn, item)
      if not ok then return nil, err end
    end
  end
  return true
end

return matching
