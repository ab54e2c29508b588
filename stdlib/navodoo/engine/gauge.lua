--- What an engine tells of its work to whoever measures: how far each watch is, how long a
-- change took. Series of the process (navodoo.metrics): a reload begins none of them anew.
--
-- Labels are flow, company and direction, nothing of a record.

local metrics = require "navodoo.metrics"

local gauge = {}

--- Labels of one direction of a flow, as it is named in the store.
---@param instance string   "customer", or "customer@ag" for a pair of companies
---@param direction string
---@param ... string        further names and values
---@return string
function gauge.labels(instance, direction, ...)
  local flow, company = instance:match "^([^@]*)@?(.*)$"
  return metrics.labels("flow", flow, "company", company ~= "" and company or nil, "direction", direction, ...)
end

-- Made once for each way: an observation makes no text.
local function labels_of(engine, direction)
  engine.labels = engine.labels or {}
  local text = engine.labels[direction]
  if not text then
    text = gauge.labels(engine.flow.name, direction)
    engine.labels[direction] = text
  end
  return text
end

--- A page of a walk is in the store.
---@param engine table
---@param direction "nav_to_odoo"|"odoo_to_nav"
---@param read integer
---@param changed integer  of those, that made a job
function gauge.page(engine, direction, read, changed)
  engine:count("read", read)
  engine:count("changed", changed)
  metrics.count("navodoo_records_read_total", labels_of(engine, direction), read)
  metrics.count("navodoo_records_changed_total", labels_of(engine, direction), changed)
end

--- A walk came to its end.
---@param now integer  us
function gauge.walked(engine, direction, now)
  metrics.set("navodoo_walk_timestamp_seconds", labels_of(engine, direction), now / 1e6)
end

--- Changes reached their target that had arrived at `since`.
---@param since integer  us
---@param now integer    us
---@param n integer|nil  how many, 1
function gauge.delivered(engine, direction, since, now, n)
  metrics.observe("navodoo_delivery_seconds", labels_of(engine, direction), (now - since) / 1e6, n)
end

return gauge
