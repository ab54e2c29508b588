--- A linked pair in a flow that goes both ways: what has to be written, and the new base.
--
-- Both directions ask here, with both records freshly read under the pair's lock. What one
-- direction does not do itself (the other side won, or a person must decide) keeps its old
-- base, so that it stays a change; closing then makes a job for the other direction.
-- An item brings `record` (NAV's), `current` (Odoo's), `link`, and gets `verdicts`.

local crypto = require "navodoo.crypto"
local json = require "navodoo.json"
local store = require "navodoo.store"
local task = require "navodoo.task"
local time = require "navodoo.time"
local base = require "navodoo.engine.base"
local delivery = require "navodoo.engine.delivery"
local merge = require "navodoo.engine.merge"
local identity = require "navodoo.engine.identity"
local outcome = require "navodoo.engine.outcome"
local word = require "navodoo.engine.word"

local pair = {}

--- Instructions for mapping one record.
pair.MAP_BUDGET = 2000000

--- A record may change hands so often within the window; then the two systems disagree.
pair.TURNS, pair.WINDOW_US = 8, 3600 * 1000000

--- Maps a record by the flow's function `name` ("to_odoo" or "to_nav").
---@return table|nil values
---@return table problems_or_err  an error of class "bug" where values are nil
function pair.map(engine, name, record, ctx)
  local ok, values, problems = task.guard(pair.MAP_BUDGET, engine.flow[name], engine.flow, record, ctx)
  if not ok then
    values.class = "bug"
    return nil, values
  end
  if type(values) ~= "table" or type(problems) ~= "table" then
    return nil, { class = "bug", code = "nonsense", text = ("flow %s: %s returned %s and %s, two tables expected")
      :format(engine.flow.name, name, type(values), type(problems)) }
  end
  return values, problems
end

--- Which flows' cards of one Odoo record own its shared fields: ids that are linked there.
-- One query for each flow that entries name.
---@param items table[]
---@return table<string, table<string, true>>|nil  flow -> set of Odoo ids as text
function pair.shared_cards(engine, items)
  local cards, ids = {}, json.array {}
  for _, flow in ipairs(engine.shares) do
    if #ids == 0 then
      for _, item in ipairs(items) do
        if item.id then ids[#ids + 1] = tostring(item.id) end
      end
      if #ids == 0 then return cards end
    end
    local links, err = store.query("links_by_odoo", engine:instance_of(flow), assert(json.encode(ids)))
    if not links then return nil, err end
    cards[flow] = {}
    for _, l in ipairs(links) do cards[flow][l.odoo] = true end
  end
  return cards
end

--- Decides the pair's entries; `to_odoo` and `to_nav` are what each side says in the words
-- of the other. Sets `item.verdicts` and `item.base`.
---@param cards table  of `pair.shared_cards`
function pair.plan(engine, item, to_odoo, to_nav, cards)
  item.base = item.base or item.link and base.read(item.link) or nil
  local id = tostring(item.id)
  local function owner(entry)
    -- the partner has a card that owns this field, its number too: here it is only followed
    if entry.shared and entry.shared ~= engine.flow.name and cards[entry.shared]
       and cards[entry.shared][id] then return "odoo" end
    if engine.keyed[entry] then return "nav" end -- the key is NAV's to give
    return entry.owner
  end
  item.verdicts = merge.plan(engine.flow.entries, {
    base = item.base, met = item.adopting, nav = item.record, odoo = item.current,
    to_odoo = to_odoo, to_nav = to_nav,
    same_odoo = function(field, a, b) return engine.same(engine.fields[field], a, b) end,
    same_nav = function(field, a, b) return engine.same_nav(engine.nav_schema.fields[field], a, b) end,
    owner = owner,
    conflict = engine.flow.policy.conflict,
    nav_at = item.nav_at, odoo_at = item.current.write_date,
  })
  for _, v in ipairs(item.verdicts) do
    -- of two cards of one partner the other may have written its number before this one was linked
    if v.what == "ignored" and engine.flow.link.cluster and engine.keyed[v.entry] and owner(v.entry) == "nav" then
      v.what, v.lost = "to_odoo", "odoo"
    end
  end
  item.to_odoo, item.to_nav = to_odoo, to_nav
  item.before_nav, item.before_odoo = item.record, item.current
end

--- What NAV's changes make of the Odoo record; nil for nothing.
---@return table|nil write
function pair.odoo_write(engine, item)
  local write, any = {}, false
  for _, v in ipairs(item.verdicts) do
    if v.what == "to_odoo" then
      for _, field in ipairs(v.entry.odoo) do
        local value = item.to_odoo[field]
        if value ~= nil and not engine.same(engine.fields[field], value, item.current[field]) then
          write[field], any = value, true
        end
      end
    end
  end
  return any and write or nil
end

--- What Odoo's changes make of the NAV record, in the declared order; nil for nothing.
---@return table[]|nil body  { { field, value }, ... }
function pair.nav_body(engine, item)
  local travels = {}
  for _, v in ipairs(item.verdicts) do
    if v.what == "to_nav" then
      for _, field in ipairs(v.entry.nav) do travels[field] = true end
    end
  end
  local body = {}
  for _, field in ipairs(engine.flow.nav_write_fields) do
    local value = item.to_nav[field]
    if travels[field] and value ~= nil and not engine.is_nav_key[field]
       and not engine.same_nav(engine.nav_schema.fields[field], value, item.record[field]) then
      body[#body + 1] = { field, value }
    end
  end
  return #body > 0 and body or nil
end

--- Does this write exceed what two systems in agreement need? Keeps the count for the base.
---@param way "to_odoo"|"to_nav"
---@param now integer
---@return boolean
function pair.out_of_turns(item, way, now)
  local last = item.base and item.base.turns
  local turns = { way = way, n = 0, since = now }
  if last and now - last.since < pair.WINDOW_US then
    turns.n, turns.since = last.n + (last.way ~= way and 1 or 0), last.since
  end
  item.turns = turns
  return turns.n > pair.TURNS
end

-- What the watches compare a record with: its content as it is now. What is not in step is
-- with a job or a review, and the base knows it.
local function seen(record, fields)
  local part = {}
  for _, name in ipairs(fields) do part[name] = record[name] end
  return crypto.hash(assert(json.canonical(json.object({}, part))))
end

local function picked(record, fields)
  local out = {}
  for _, name in ipairs(fields) do out[name] = record[name] end
  return out
end

-- What Odoo holds otherwise than it was written is somebody's edit, or Odoo's own word; so is
-- what was changed beside while our write was on its way. Both stay changes of Odoo.
local function keep_odoo_changes(engine, item, odoo)
  for _, field in ipairs(item.differs or {}) do odoo[field] = item.write[field] end
  local crossed = #(item.differs or {}) > 0
  if item.before_odoo ~= item.current then
    for _, field in ipairs(engine.odoo_fields) do
      if item.write[field] == nil and not base.equal(item.before_odoo[field], item.current[field]) then
        odoo[field], crossed = item.before_odoo[field], true
      end
    end
  end
  if crossed then item.left.to_nav = true end
end

-- What NAV made of a write on its own: another value than was sent, or a field that nobody
-- sent. Nobody else can have been between, and it is not what Odoo says: a change of NAV's.
local function keep_nav_word(engine, item, nav)
  local sent = {}
  for _, field in ipairs(item.body) do sent[field[1]] = field[2] end
  for _, v in ipairs(item.verdicts) do
    local own = false
    for _, field in ipairs(v.entry.nav) do
      if sent[field] ~= nil then own = own or not delivery.as_sent(engine, field, sent[field], item.record[field])
      else own = own or not base.equal(item.before_nav[field], item.record[field]) end
    end
    if own and merge.travels(v.entry, v.owner, "odoo") then
      for _, field in ipairs(v.entry.nav) do nav[field] = base.NOT_KNOWN end
      item.left.to_odoo = true
    elseif own then
      item.ignored = item.ignored or json.array {}
      item.ignored[#item.ignored + 1] = v.entry.nav[1]
    end
  end
end

-- What a run did not do itself keeps its old base, so that it stays a change. Two that met in
-- this run have none: the side that was decided to win is the one that changed.
local function leave(item, v, old, nav, odoo)
  local met = item.adopting and v.what
  for _, field in ipairs(v.entry.nav) do
    if met == "to_odoo" then nav[field] = base.NOT_KNOWN elseif met ~= "to_nav" then nav[field] = old.nav[field] end
  end
  for _, field in ipairs(v.entry.odoo) do
    if met == "to_nav" then odoo[field] = base.NOT_KNOWN elseif met ~= "to_odoo" then odoo[field] = old.odoo[field] end
  end
  if v.what ~= "conflict" then item.left[v.what] = true end
end

--- Sets the base that a pair has after a run that did `did`, and what is left to do.
---@param did "to_odoo"|"to_nav"|nil  nil: nothing that the verdicts say
function pair.settle(engine, item, did)
  local nav, odoo = picked(item.record, engine.flow.nav_fields), picked(item.current, engine.odoo_fields)
  item.left, item.lost, item.ignored = {}, nil, nil
  local old = item.base or { nav = {}, odoo = {} }
  if did == "to_odoo" and item.write then keep_odoo_changes(engine, item, odoo) end
  if did == "to_nav" and item.body then keep_nav_word(engine, item, nav) end
  if did ~= "to_nav" and item.archived then odoo.active, item.left.to_nav = true, true end -- not followed yet
  for _, v in ipairs(item.verdicts) do
    local entry = v.entry
    if v.dictated then -- a person gave NAV the value: it goes on to Odoo as NAV's change
      for _, field in ipairs(entry.nav) do nav[field] = base.NOT_KNOWN end
      item.left.to_odoo = true
    elseif v.what == "conflict" or (v.what == "to_odoo" or v.what == "to_nav") and v.what ~= did
       and #entry.nav > 0 then
      leave(item, v, old, nav, odoo)
    elseif v.what == did and v.lost then
      local side = v.lost == "nav" and item.before_nav or item.before_odoo
      for _, field in ipairs(v.lost == "nav" and entry.nav or entry.odoo) do
        if not merge.is_blank(side[field]) then
          item.lost = item.lost or json.array {}
          item.lost[#item.lost + 1] = { side = v.lost, field = field, value = side[field] }
        end
      end
    elseif v.what == "ignored" then
      item.ignored = item.ignored or json.array {}
      item.ignored[#item.ignored + 1] = entry.nav[1] or entry.odoo[1]
    end
  end
  item.nav_text, item.odoo_text = assert(json.canonical(nav)), assert(json.canonical(odoo))
end

--- The conflicts of a pair, for a person: fields with base and both values; nil for none.
---@param dictated boolean|nil  also those that a person had decided by a value
---@return table[]|nil
function pair.conflicts(item, dictated)
  local list
  for _, v in ipairs(item.verdicts) do
    if v.what == "conflict" or dictated and v.dictated then
      list = list or json.array {}
      local b = item.base or { nav = {}, odoo = {} }
      list[#list + 1] = {
        nav_fields = json.array(v.entry.nav), odoo_fields = json.array(v.entry.odoo),
        base_nav = json.object({}, picked(b.nav, v.entry.nav)),
        base_odoo = json.object({}, picked(b.odoo, v.entry.odoo)),
        nav = json.object({}, picked(item.record, v.entry.nav)),
        odoo = json.object({}, picked(item.current, v.entry.odoo)) }
    end
  end
  return list
end

--- Names that a decision about a pair locks, as a run of its jobs does.
---@param link { nav: string, odoo: string }
---@return string[]
function pair.lane(engine, link)
  return { engine.lane_nav .. link.nav, engine.lane_odoo .. link.odoo }
end

-- What a review of values carries beside them.
local function beside(engine, item, nav_name, refused)
  return { lane = pair.lane(engine, { nav = nav_name, odoo = tostring(item.id) }), refused = refused,
           fields = word.defs(engine.nav_schema.fields, engine.flow.nav_fields) }
end

--- The review of a pair whose sides differ. A person's word that was refused stays with it.
---@param engine table
---@param item table
---@param nav_name string
---@param conflicts table[]
---@param refused { set: table, text: string }|nil
---@return string err JSON
---@return string fingerprint
function pair.review(engine, item, nav_name, conflicts, refused)
  refused = refused or item.decision and item.decision.refused
  item.said = refused and assert(json.encode { refused = refused }) or nil
  return outcome.conflict(engine.flow.name, item, nav_name, conflicts, beside(engine, item, nav_name, refused))
end

--- The review of a pair that keeps changing hands.
function pair.restless(engine, item)
  return outcome.restless(engine.flow.name, item, pair.TURNS, beside(engine, item, item.link.nav))
end

-- A job for what is left to a direction.
local function order(engine, txn, direction, record, now)
  txn:add("job_put", engine.flow.name, direction, record, now, now, nil, nil, nil)
  engine.wake:set()
end

--- The base of a record that was just created in Odoo and does not hold what it was sent:
-- that stays a change of Odoo's, and a job is added that brings it to NAV.
---@param id integer
---@param nav_text string   canonical text of the NAV record
---@param current table     the Odoo record as it was read back
---@param write table       what was sent
---@param differs string[]  the fields that are not as they were sent
---@return string base
function pair.disputed(engine, txn, id, nav_text, current, write, differs)
  local odoo = picked(current, engine.odoo_fields)
  for _, field in ipairs(differs) do odoo[field] = write[field] end
  order(engine, txn, "odoo_to_nav", tostring(id), time.now())
  return base.pack(nav_text, assert(json.canonical(json.object({}, odoo))))
end

--- Adds the end of a pair's job: link with its new base, a job for what is left to the other
-- direction, and the job's own end or its review.
---@param did "to_odoo"|"to_nav"|nil  as for `pair.settle`
---@param nav_name string
---@return string|nil review  "review" when a person must decide
---@return string|nil err     JSON
---@return string|nil fingerprint
function pair.close(engine, txn, item, did, nav_name)
  pair.settle(engine, item, did)
  local now = time.now()
  local turns = item.turns or item.base and item.base.turns
  txn:add("link_put", engine.flow.name, nav_name, tostring(item.id), item.xmlid,
          seen(item.record, engine.flow.nav_fields), item.etag, item.current.write_date,
          seen(item.current, engine.odoo_fields),
          base.pack(item.nav_text, item.odoo_text, turns and assert(json.encode(turns)) or nil), now)
  identity.note(engine, txn, nav_name, item.etag, item.id, item.current.write_date)
  if item.left.to_nav then order(engine, txn, "odoo_to_nav", tostring(item.id), now) end
  if item.left.to_odoo then order(engine, txn, "nav_to_odoo", nav_name, now) end
  local conflicts = pair.conflicts(item)
  if conflicts then -- one review for a pair: the one that shows what is there now
    local forth = did == "to_odoo"
    txn:add("review_drop", engine.flow.name, forth and "odoo_to_nav" or "nav_to_odoo",
            forth and tostring(item.id) or nav_name)
    return "review", pair.review(engine, item, nav_name, conflicts)
  end
end

return pair
