--- Sends what a batch writes, and reads back what the target holds then.
--
-- Outcomes go into the items: `id` of what was written, `failed` with an error,
-- `current` as it was read, `differs` with the fields that are not as they were sent.

local failpoint = require "navodoo.failpoint"
local json = require "navodoo.json"

local sending = {}

local function mark_sent(items, err)
  for _, item in ipairs(items) do item.failed = err end
end

local function halves(items)
  local middle = (#items + 1) // 2
  return table.move(items, 1, middle, 1, {}), table.move(items, middle + 1, #items, 1, {})
end

--- One call. Answers the items that it says nothing of: they were refused with another one, and
-- are to be sent again. Every other item has its outcome then.
---@return table[] again
---@return boolean|nil large  the body is more than the target takes
local function attempt(engine, columns, items)
  failpoint("effect.after_intend")
  local results, err = engine.odoo:load(engine.model, columns, items)
  failpoint("effect.after_send")
  local again, large = {}, nil
  if not results then
    if err.class ~= "invalid" then mark_sent(items, err)
    elseif #items == 1 then items[1].failed = err
    else again = items end
    return again
  end
  for i, r in ipairs(results) do
    if r.ok then items[i].id = r.id
    elseif r.again then again[#again + 1], large = items[i], large or r.large
    else items[i].failed = r.err end
  end
  if #again == 1 and #items == 1 then
    mark_sent(items, { class = "invalid", code = "refused",
                       text = engine.odoo.endpoint.name .. ": refused without a reason" })
    return {}
  end
  return again, large
end

--- Finds one record of those that were refused together without a name, in as many calls as they
-- can be halved. What is sent on the way has its outcome; answers what was not, or not alone.
local function isolate(engine, columns, guilty)
  local rest = {}
  local function later(items) table.move(items, 1, #items, #rest + 1, rest) end
  while #guilty > 1 do
    local some, others = halves(guilty)
    local again = attempt(engine, columns, some)
    if #again == 0 then
      guilty = others -- it was nobody of these: they are written
      if some[1].failed then -- or this was the one, or the call itself failed
        later(others)
        return rest
      end
    elseif #again == #some then
      guilty = some
      later(others)
    else -- the target named somebody
      later(again)
      later(others)
      return rest
    end
  end
  attempt(engine, columns, guilty)
  return rest
end

--- Sends rows of one column list until each has its own outcome: a refused call is sent again without
-- the guilty. Where the target names none, they are found one by one: for n rows with k bad ones that
-- takes 1 + k * (log2(n) + 2) calls at most. A call whose outcome nobody knows is not sent again here.
local function send(engine, columns, items)
  while #items > 0 do
    local again, large = attempt(engine, columns, items)
    if large then
      local some, others = halves(again)
      send(engine, columns, some)
      return send(engine, columns, others)
    end
    items = #again == #items and #again > 0 and isolate(engine, columns, again) or again
  end
end

--- Writes the items; those of one column list share calls.
function sending.write(engine, items)
  local groups, order, fields = {}, {}, engine.load_fields
  for _, item in ipairs(items) do
    local signature = json.present(item.write, fields)
    local group = groups[signature]
    if not group then
      group = { columns = {} }
      for _, field in ipairs(fields) do
        if item.write[field] ~= nil then group.columns[#group.columns + 1] = field end
      end
      groups[signature], order[#order + 1] = group, group
    end
    group[#group + 1] = item
  end
  for _, group in ipairs(order) do send(engine, group.columns, group) end
end

--- Gives a record of the target the external id of its NAV record; it may have it already,
-- from an attempt that got so far.
---@param item table   with `id` and `xmlid`
---@param nav string   the NAV record, as a person calls it
---@return boolean|nil ok
---@return table|nil err  class "invalid", code "taken" where the name belongs to another record
function sending.name(engine, item, nav)
  local ok, err = engine.odoo:link_xmlid(engine.model, item.id, item.xmlid)
  if ok or err.class == "transient" then return ok, err end
  local ids, failed = engine.odoo:xmlids(engine.model, { item.xmlid })
  if not ids then return nil, failed end
  local holder = ids[item.xmlid]
  if holder == item.id then return true end
  if not holder then return nil, err end
  return nil, { class = "invalid", code = "taken", text = ("%s belongs to %s %d already, as the external id %s says, "
    .. "and not to %d"):format(nav, engine.model, holder, item.xmlid, item.id),
    way_out = "see navodoo links; correct one of the two, then retry" }
end

--- Gives the adopted ones their external ids, so that they are found by them from now on.
function sending.name_adopted(engine, items)
  for _, item in ipairs(items) do
    if item.adopting then
      local ok, err = sending.name(engine, item, item.job.record)
      if not ok then item.failed = err end
    end
  end
end

--- Compares what the target holds with what was sent, after named normalisations.
function sending.read_back(engine, items)
  local ids, by_id = {}, {}
  for _, item in ipairs(items) do
    if item.id and not item.failed and item.write then
      ids[#ids + 1] = item.id
      by_id[item.id] = item
    end
  end
  if #ids == 0 then return true end
  local records, err = engine.odoo:read(engine.model, ids, engine.read_fields)
  if not records then return nil, err end
  local names, defs, same = engine.flow.odoo_fields, engine.fields, engine.same -- names are sorted
  for _, record in ipairs(records) do
    local item = by_id[record.id]
    item.current = record
    local write, differs = item.write, nil
    for i = 1, #names do
      local name = names[i]
      local sent, held = write[name], record[name]
      if sent ~= nil and sent ~= held and not same(defs[name], sent, held) then
        differs = differs or {}
        differs[#differs + 1] = name
      end
    end
    item.differs = differs
  end
  return true
end

return sending
