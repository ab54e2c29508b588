--- Bodies on their way to NAV: one call for a record, several under way at once.
--
-- NAV answers a write with the record as it is then, defaults and number included, and no
-- other hand can have been between (If-Match): so the answer is what was read back, and
-- what NAV made of our values on its own (capitals in a code, a city from its post code)
-- counts as ours.

local json = require "navodoo.json"
local task = require "navodoo.task"
local text = require "navodoo.text"
local base = require "navodoo.engine.base"

local delivery = {}

--- Calls under way for one batch where the endpoint names no number of connections.
local IN_FLIGHT <const> = 4

local function blank(v) return v == nil or v == json.null or v == "" or v == " " or v == false end

--- Do two values of a NAV field say the same? NAV has no null: what is empty is empty.
---@param def table|nil  of the schema
---@param a any
---@param b any
---@return boolean
function delivery.same(def, a, b)
  if base.equal(a, b) then return true end
  if def and (def.type == "decimal" or def.type == "integer") then
    return base.equal(blank(a) and 0 or a, blank(b) and 0 or b)
  end
  return blank(a) and blank(b)
end

--- Takes a record as NAV answers it into an item; the stamp of its change goes apart
-- where the flow itself does not read it.
---@param engine table
---@param item table
---@param record table
---@param etag string|nil
function delivery.take(engine, item, record, etag)
  local stamp = engine.stamp
  if stamp then
    local at = record[stamp]
    item.nav_at = type(at) == "string" and at:find "T" and at or nil
    if not engine.flow_reads_stamp then record[stamp] = nil end
  end
  item.record, item.etag = record, etag
end

--- Names of a body's fields, for the journal.
---@param body table[]
---@return string[]
function delivery.names_of(body)
  local names = json.array {}
  for i, field in ipairs(body) do names[i] = field[1] end
  table.sort(names)
  return names
end

--- A body as a table by field.
---@param body table[]
---@return table
function delivery.values_of(body)
  local values = {}
  for _, field in ipairs(body) do values[field[1]] = field[2] end
  return values
end

--- Did NAV only write a code its way, in capitals and without blanks around?
local function as_code(sent, held)
  return type(sent) == "string" and type(held) == "string" and text.upper(text.trim(sent)) == held
end

--- Does NAV hold what was sent, written its own way at most?
---@param engine table
---@param field string
---@param sent any
---@param held any
---@return boolean
function delivery.as_sent(engine, field, sent, held)
  return as_code(sent, held) or delivery.same(engine.nav_schema.fields[field], sent, held)
end

--- What NAV's own code put over our values while it made a record (a delivery address is
-- called like its customer at first): those fields again.
local function overwritten(engine, body, record)
  local again = {}
  for _, field in ipairs(body) do
    local name, sent = field[1], field[2]
    if not engine.is_nav_key[name] and not delivery.as_sent(engine, name, sent, record[name]) then
      again[#again + 1] = field
    end
  end
  return again
end

-- From the moment that NAV answered the creation the record is there, whatever follows.
local function create(engine, item)
  local row, err = engine.nav:create(engine.entity, item.body, engine.nav_read_fields)
  if not row then return nil, err end
  item.created = row
  local again = overwritten(engine, item.body, row.record)
  if #again == 0 then return row end
  local second, why = engine.nav:update(engine.entity, row.key, row.etag, again, engine.nav_read_fields)
  if second then return second end
  item.undelivered, item.second_failure = again, why
  return row
end

local function send(engine, item)
  local row, err
  if item.record then
    row, err = engine.nav:update(engine.entity, item.nav_key, item.etag, item.body, engine.nav_read_fields)
  else
    row, err = create(engine, item)
  end
  if not row then
    item.failed = err
    return
  end
  item.nav_key = row.key
  delivery.take(engine, item, row.record, row.etag)
end

-- Something raised while a write was under way: nobody knows how far it came.
local function raised(engine, item, why)
  engine.bugs = engine.bugs + 1
  local err = { class = "bug", code = "raised", text = tostring(why) }
  local row = item.created
  if not row then
    item.failed, item.unsure = err, true
    return
  end
  item.nav_key, item.undelivered, item.second_failure = row.key, item.body, err
  delivery.take(engine, item, row.record, row.etag)
end

--- Writes the items, and waits for the last of them. Outcomes go into the items:
-- `failed`, or `record`, `etag` and `nav_key` as NAV answered; of a new record `created`, and
-- `undelivered` with what NAV put its own values over and did not take again, and
-- `second_failure`, why not. `unsure`: it failed, and may have been written all the same.
---@param engine table
---@param items table[]
function delivery.write(engine, items)
  local next_one, running, done = 1, 0, task.event()
  local function work()
    while next_one <= #items do
      local item = items[next_one]
      next_one = next_one + 1
      local ok, why = xpcall(send, debug.traceback, engine, item)
      if not ok then raised(engine, item, why) end
    end
    running = running - 1
    if running == 0 then done:set() end
  end
  local workers = math.min(#items, engine.nav.endpoint.connections or IN_FLIGHT)
  if workers == 0 then return end
  running = workers
  for _ = 1, workers do task.spawn(work) end
  done:wait()
end

return delivery
