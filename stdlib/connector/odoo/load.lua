--- `load`: create or update many records by external id in one transaction.
--
-- All of a call is kept or nothing. Each row gets one outcome:
--
--     { ok = true, id = 42 }            written
--     { ok = false, err = {...} }       refused, the words name this row: do not send it again
--     { ok = false, again = true }      nothing wrong is known of it, but its call was refused:
--                                       send it again without the guilty; with `large`, in halves
--
-- A call that lost a race against another writer (the words are in its messages: Odoo's own
-- retry does not reach into a `load`) kept nothing, and is sent again here, at once.
-- A failure of the call as a whole (network, login, unknown outcome) is `nil, err`. Where a
-- large list takes several calls and a later one fails, its rows carry the error as outcome.

local json = require "navodoo.json"
local task = require "navodoo.task"
local call = require "connector.call"
local errors = require "connector.odoo.errors"
local values = require "connector.odoo.values"

local load = {}

--- What one call carries at most: proxies often refuse bodies of 1 MiB.
load.MAX_BYTES, load.MAX_ROWS = 900 * 1024, 1000

--- A call that lost a race is sent so often, with pauses that double.
local TRIES <const>, PAUSE_MS <const> = 5, 50

local PREFIX <const> = values.MODULE .. "."

-- Refusals that may be one row's fault; the rest is everybody's.
local OF_ROWS <const> = { invalid = true, conflict = true, dependency = true }

--- Header and converters of the columns; what is wrong with them is everybody's error.
local function prepare(conn, what, schema, columns)
  local header, defs, kinds = json.array { "id" }, {}, {}
  for i, name in ipairs(columns) do
    local def = schema.fields[name]
    if not def then
      return nil, call.failure(conn.endpoint, what, { class = "config" }, {
        code = "unknown_field", text = ("Odoo has no field %q here"):format(name) })
    end
    header[i + 1], defs[i], kinds[i] = values.column(def, name), def, values.kind(def)
  end
  return { header = header, kinds = kinds, names = columns, prefix = PREFIX,
           convert = function(column, v) return values.to_cell(defs[column], v) end }
end

--- The outcome of a row with a value that cannot be sent.
local function unsendable(conn, model, plan, row, index, wrong)
  local name = plan.names[wrong[1]]
  local err = call.failure(conn.endpoint, ("%s %s%s"):format(model, PREFIX, row.xmlid), { class = "invalid" },
    { code = "type", text = ("%s: %s"):format(name, tostring(wrong[2])) })
  err.field, err.record_index = name, index
  return { ok = false, err = err }
end

--- Sorts the messages of a refused call by row. The first message may be the one of the call
-- as a whole, which Odoo pins on its first row: with others blamed, that row is not believed
-- guilty unless a second message names it too.
local function blame(messages)
  local of_row, rows, count = {}, 0, {}
  for _, message in ipairs(messages) do
    local row = message.record
    if row == nil then row = type(message.rows) == "table" and message.rows.from or nil end
    if message.type ~= "warning" and math.type(row) == "integer" then
      if not of_row[row] then of_row[row], rows = message, rows + 1 end
      count[row] = (count[row] or 0) + 1
    end
  end
  if rows > 1 and of_row[0] == messages[1] and count[0] == 1 then of_row[0] = nil end
  return of_row
end

--- Outcomes of a refused call, or its error when it is everybody's.
local function refused(conn, model, chunk, messages)
  local outcomes, of_row = {}, blame(messages)
  for i, row in ipairs(chunk.rows) do
    local message = of_row[i - 1]
    if message then
      local err = errors.of_message(conn.endpoint, ("%s %s%s"):format(model, PREFIX, row.xmlid), message)
      if err.class == "config" then return nil, err end
      err.record_index = chunk.at[i]
      outcomes[i] = { ok = false, err = err }
    elseif #chunk.rows == 1 then
      -- refused alone, and no row named: the words of the call are its own
      local err = errors.of_message(conn.endpoint, ("%s %s%s"):format(model, PREFIX, row.xmlid),
        messages[1] or { message = "refused without a reason" })
      err.record_index = chunk.at[i]
      outcomes[i] = { ok = false, err = err }
    else
      outcomes[i] = { ok = false, again = true }
    end
  end
  return outcomes
end

--- Outcomes of a fault, or nothing when it is everybody's. A column that Odoo does not know is
--- every row's, any other refusal that of a row which is still to be found.
local function faulted(model, plan, chunk, err)
  if not OF_ROWS[err.class] then return nil, err end
  local by_column = false
  if err.code == "unknown_field" and err.field then
    local field = err.field:match "^[^/]*"
    for _, name in ipairs(plan.names) do by_column = by_column or name == field end
  end
  local outcomes = {}
  for i, row in ipairs(chunk.rows) do
    if by_column or #chunk.rows == 1 then
      outcomes[i] = { ok = false, err = { class = err.class, code = err.code, http = err.http,
        field = err.field, maybe_sent = false, record_index = chunk.at[i],
        text = ("%s (%s %s%s)"):format(err.text, model, PREFIX, row.xmlid) } }
    else
      outcomes[i] = { ok = false, again = true, large = err.code == "too_large" or nil }
    end
  end
  return outcomes
end

local function lost_a_race(result)
  local messages = type(result) == "table" and result.ids == false and result.messages
  for _, message in ipairs(type(messages) == "table" and messages or {}) do
    if errors.is_race(message) then return true end
  end
  return false
end

--- One call; `chunk` is { rows=, at=, text= }: rows, their places in the list, and what is sent.
local function send(conn, model, plan, chunk)
  local result, err
  for try = 1, TRIES do
    -- a record that is archived can be linked to as well: ids are looked up by a search
    result, err = conn:call(model, "load",
      { fields = plan.header, data = json.raw(chunk.text), context = { active_test = false } })
    if err then return faulted(model, plan, chunk, err) end
    if try == TRIES or not lost_a_race(result) then break end
    task.sleep(PAUSE_MS << (try - 1))
  end
  local ids = type(result) == "table" and result.ids
  if json.is_array(ids) and #ids == #chunk.rows then
    local outcomes = {}
    for i, id in ipairs(ids) do outcomes[i] = { ok = true, id = id } end
    return outcomes
  end
  if ids == false and type(result.messages) == "table" then
    return refused(conn, model, chunk, result.messages)
  end
  -- not the answer of a `load`: something was done, nobody knows what
  return nil, call.failure(conn.endpoint, model .. " load", { class = "unknown" },
    { code = "nonsense", text = ("%d rows sent, the answer is not one id for each"):format(#chunk.rows) })
end

--- Creates or updates records. See the top of this file for the outcomes.
---@param conn connector.Odoo
---@param model string
---@param columns string[]   fields, the same for all rows
---@param rows { xmlid: string, write: table }[]  external id without module, and the values by field
---@return table[]|nil outcomes  one per row, in order
---@return connector.Error|nil err
function load.run(conn, model, columns, rows)
  local schema, err = conn:schema(model)
  if not schema then return nil, err end
  local plan
  plan, err = prepare(conn, model .. " load", schema, columns)
  if not plan then return nil, err end
  local outcomes, chunks, next_row = {}, {}, 1
  while next_row <= #rows do
    local first = next_row
    local text, after, wrong = json.rows(plan, rows, first, load.MAX_ROWS, load.MAX_BYTES)
    local chunk = { rows = {}, at = {}, text = text }
    next_row = after
    for i = first, next_row - 1 do
      if wrong and wrong[i] then outcomes[i] = unsendable(conn, model, plan, rows[i], i, wrong[i])
      else chunk.rows[#chunk.rows + 1], chunk.at[#chunk.at + 1] = rows[i], i end
    end
    if #chunk.rows > 0 then chunks[#chunks + 1] = chunk end
  end
  for n, part in ipairs(chunks) do
    local done, failed = send(conn, model, plan, part)
    if not done and n == 1 then return nil, failed end
    for i, at in ipairs(part.at) do outcomes[at] = done and done[i] or { ok = false, err = failed } end
  end
  return outcomes
end

return load
