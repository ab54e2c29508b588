--- What a failure means for a job: try again, wait for a person, or give up.
--
-- Every refusal is explained (P9): record, field, value, the rule or the ERP's own
-- words, and the way out. Failures of one cause share a fingerprint that holds no
-- values, so that they can be listed and repeated as one group.

local crypto = require "navodoo.crypto"
local http = require "navodoo.http"
local json = require "navodoo.json"

local outcome = {}

--- Attempts before a transient failure becomes a dead letter: with back-off up to
-- thirty minutes that is about three hours of trying.
outcome.max_attempts = 20

local LEAST_MS <const> = 100

--- Back-off: full jitter up to an exponentially growing limit, never less than what the target
-- asked for, and within the budget of retries that the core keeps for each endpoint. All that one
-- failed call concerned goes again together: it was one call, and costs one.
---@param attempt integer  1 after the first failure
---@param err table  of a connector
---@return integer ms
function outcome.delay(attempt, err)
  local delays = err.delays or {}
  err.delays = delays
  delays[attempt] = delays[attempt]
    or math.max(http.retry_in(err.endpoint, attempt) + LEAST_MS, err.retry_after_ms or 0)
  return delays[attempt]
end

local function fingerprint(flow, class, parts)
  return crypto.hash(table.concat({ flow, class, table.unpack(parts) }, "\0")):sub(1, 12)
end

--- A record that breaks rules of the flow.
---@param flow string
---@param record string
---@param problems table[]  { field=, value=, rule=, text=, way_out=, line= }
---@return string error  JSON
---@return string fingerprint
function outcome.broken_rules(flow, record, problems)
  local first = problems[1]
  local parts = {}
  for i, p in ipairs(problems) do parts[i] = (p.field or "") .. ":" .. (p.rule or "") end
  local err = { class = "invalid", record = record, field = first.field, value = first.value,
                rule = first.rule, text = first.text, way_out = first.way_out,
                problems = json.array(problems) }
  return assert(json.encode(err)), fingerprint(flow, "rule", parts)
end

--- A refusal in the target's own words.
---@param flow string
---@param record string
---@param err table  error of a connector
---@return string error  JSON
---@return string fingerprint
function outcome.refused(flow, record, err)
  local out = { class = err.class or "bug", code = err.code, record = record, field = err.field,
                value = err.value, text = err.text, http = err.http, way_out = err.way_out,
                traceback = err.traceback, file = err.file, line = err.line }
  return assert(json.encode(out)),
         fingerprint(flow, out.class, { tostring(err.code), tostring(err.field or err.line or "") })
end

--- A record that a person must decide on.
---@param flow string
---@param record string
---@param text string
---@param detail table
---@return string error  JSON
---@return string fingerprint
function outcome.review(flow, record, text, detail)
  return assert(json.encode { class = "review", record = record, text = text,
                              candidates = json.array(detail), rule = "adopt",
                              way_out = "correct the record in either system, or link the two, "
                                .. "then retry the job" }),
         fingerprint(flow, "review", { "adopt" })
end

--- Two sides that changed one thing differently.
---@param flow string
---@param item table
---@param nav string       name of the NAV record
---@param conflicts table[]  of `pair.conflicts`
---@return string error  JSON
---@return string fingerprint
function outcome.conflict(flow, item, nav, conflicts)
  local names = {}
  for i, c in ipairs(conflicts) do names[i] = c.nav_fields[1] or c.odoo_fields[1] end
  table.sort(names)
  return assert(json.encode { class = "review", rule = "conflict", record = item.job.record, nav = nav,
                              odoo = tostring(item.id), conflicts = json.array(conflicts),
                              text = (next(conflicts[1].base_nav) and "both sides changed %s, and differently"
                                or "NAV and Odoo do not agree on %s, and are one record"):format(
                                table.concat(names, ", ")),
                              way_out = "navodoo review take: nav, odoo, or FIELD=VALUE" }),
         fingerprint(flow, "review", { "conflict", table.unpack(names) })
end

--- A record that keeps changing hands: the two systems do not agree on a value.
---@param flow string
---@param item table
---@param turns integer  that are allowed
---@return string error  JSON
---@return string fingerprint
function outcome.restless(flow, item, turns)
  local changes = json.array {}
  for _, v in ipairs(item.verdicts) do
    if v.what == "to_odoo" or v.what == "to_nav" then
      for _, field in ipairs(v.entry.nav) do
        changes[#changes + 1] = { nav_fields = json.array { field }, odoo_fields = json.array(v.entry.odoo),
                                  nav = json.object({}, { [field] = item.record[field] }),
                                  odoo = json.object({}, { [v.entry.odoo[1]] = item.current[v.entry.odoo[1]] }) }
      end
    end
  end
  local first = changes[1] and changes[1].nav_fields[1] or "a value"
  return assert(json.encode { class = "review", rule = "restless", record = item.job.record, conflicts = changes,
                              nav = item.link and item.link.nav or nil, odoo = tostring(item.id),
                              text = ("changed hands more than %d times within the hour: NAV and Odoo do not agree "
                                .. "on %s, and each sets it again"):format(turns, first),
                              way_out = "look what changes it on either side (rounding, an automation, a trigger), or "
                                .. "give the entry an owner; then navodoo review take" }),
         fingerprint(flow, "review", { "restless", first })
end

--- A record whose partner stands alone now.
---@param flow string
---@param record string
---@param lost string  what is gone
---@param side string  where
---@param left string  what is still there
---@return string error  JSON
---@return string fingerprint
function outcome.gone(flow, record, lost, side, left)
  return assert(json.encode { class = "review", rule = "gone", record = record,
                              text = ("%s is gone from %s; %s is still there"):format(lost, side, left),
                              way_out = "archive or block it by hand, then drop the job; `gone` in the flow decides it "
                                .. "for all" }),
         fingerprint(flow, "review", { "gone" })
end

return outcome
