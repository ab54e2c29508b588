--- Records of a model in the order of their last change: what a poll of Odoo asks.
--
-- Odoo keeps `write_date` to the microsecond and shows whole seconds, and what `>` means of a
-- second differs between versions. So a second is the grain here: rows come in the order (second,
-- id), bounds are `>=` a second and `<` the next, and a page ends between two seconds. A second
-- that is larger than a page (one transaction gives all its records one stamp) is walked by id.

local json = require "navodoo.json"
local time = require "navodoo.time"

local scan = {}

local SECOND_US <const> = 1000000
-- Before any Odoo: records without a stamp were made by SQL behind its back and never come.
local EVER <const> = "1970-01-01T00:00:00Z"

---@class connector.OdooScan
---@field fields string[]
---@field limit integer             most rows of one page
---@field domain any[]?             terms that all must hold
---@field from_stamp string?        only rows of this second or a later one: "2026-01-15T10:00:00Z"
---@field after { stamp: string, id: integer }?  only rows behind this one, of an earlier page

-- As a domain wants it: naive UTC, without T and Z.
local function wire(us) return (time.iso(us):gsub("T", " "):sub(1, 19)) end

local function second_of(stamp)
  local us = time.parse_iso(stamp)
  if not us then error(("scan: %q is no instant"):format(tostring(stamp)), 3) end
  return us // SECOND_US * SECOND_US
end

local function terms(domain, ...)
  local list = table.move(domain, 1, #domain, 1, json.array {})
  for _, term in ipairs { ... } do list[#list + 1] = json.array(term) end
  return list
end

-- Rows of one second, by id.
local function within(conn, model, spec, fields, us, after_id, limit)
  return conn:search(model, terms(spec.domain or {}, { "write_date", ">=", wire(us) },
    { "write_date", "<", wire(us + SECOND_US) }, { "id", ">", after_id }), fields,
    { limit = limit, order = "id" })
end

local function by_second(a, b)
  if a.write_date ~= b.write_date then return a.write_date < b.write_date end
  return a.id < b.id
end

--- Rows from a second on. Answers them in order, and whether there may be more of them. The last
--- second of a full page may go on: it is left to the next page, or walked by id when it is all.
local function from(conn, model, spec, fields, us, limit)
  local rows, err = conn:search(model, terms(spec.domain or {}, { "write_date", ">=", wire(us) }), fields,
    { limit = limit, order = "write_date,id" })
  if not rows then return nil, err end
  if #rows < limit then
    table.sort(rows, by_second)
    return rows, nil, false
  end
  local first, last = rows[1].write_date, rows[#rows].write_date
  if first == last then
    us = second_of(first)
    rows, err = within(conn, model, spec, fields, us, 0, limit)
    if rows and #rows == 0 then -- all of them changed meanwhile
      return from(conn, model, spec, fields, us + SECOND_US, limit)
    end
    return rows, err, true
  end
  while rows[#rows].write_date == last do rows[#rows] = nil end
  table.sort(rows, by_second)
  return rows, nil, true
end

local function page_of(conn, model, spec)
  local fields, seen, limit = {}, {}, math.min(spec.limit, scan.PAGE)
  for _, list in ipairs { spec.fields, { "id", "write_date" } } do
    for _, name in ipairs(list) do
      if not seen[name] then seen[name], fields[#fields + 1] = true, name end
    end
  end
  local start, records, more, err = second_of(spec.from_stamp or EVER), {}, false
  local after = spec.after
  if after then
    start = second_of(after.stamp)
    records, err = within(conn, model, spec, fields, start, after.id, limit)
    if not records then return nil, err end
    start, more = start + SECOND_US, #records == limit
  end
  if not more then
    local rest
    rest, err, more = from(conn, model, spec, fields, start, limit - #records)
    if not rest then return nil, err end
    table.move(rest, 1, #rest, #records + 1, records)
  end
  local rows = {}
  for i, record in ipairs(records) do
    rows[i] = { id = record.id, stamp = record.write_date, record = record }
  end
  return { rows = rows, more = more }
end

--- One page of a model, a smaller one where that is too large to be read. Waits. Ask again with
--- the last row's stamp and id while there is more.
---@param conn connector.Odoo
---@param model string
---@param spec connector.OdooScan
---@return { rows: { id: integer, stamp: string, record: table }[], more: boolean }|nil
---@return connector.Error|nil err
function scan.run(conn, model, spec)
  local page, err = page_of(conn, model, spec)
  if page or err.code ~= "too_large" or spec.limit <= 1 then return page, err end
  return scan.run(conn, model, setmetatable({ limit = spec.limit // 2 }, { __index = spec }))
end

--- Most records that one call asks for.
scan.PAGE = 1000

return scan
