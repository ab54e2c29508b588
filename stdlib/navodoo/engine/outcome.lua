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

--- Was anything tried at all? Behind an open breaker nothing is.
---@param err table  of a connector
---@return boolean
function outcome.tried(err) return err.code ~= "breaker_open" end

--- Back-off: full jitter up to an exponentially growing limit, never less than what the target
-- asked for, and within the budget of retries that the core keeps for each endpoint. All that one
-- failed call concerned goes again together: it was one call, and costs one.
---@param attempt integer  1 after the first failure
---@param err table  of a connector
---@return integer ms
function outcome.delay(attempt, err)
  if not outcome.tried(err) then return math.max(err.retry_after_ms or 0, LEAST_MS) end
  local delays = err.delays or {}
  err.delays = delays
  delays[attempt] = delays[attempt]
    or math.max(http.retry_in(err.endpoint, attempt) + LEAST_MS, err.retry_after_ms or 0)
  return delays[attempt]
end

local function fingerprint(flow, class, parts)
  return crypto.hash(table.concat({ flow, class, table.unpack(parts) }, "\0")):sub(1, 12)
end

--- A fingerprint for causes that are not found here.
outcome.fingerprint = fingerprint

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
---@param job table      row of the store
---@param about { rule: string, cause: string?, text: string, way_out: string, candidates: table[]? }
--   `rule` says which words of `navodoo review` decide it; `cause` tells apart what shares a
--   rule, and holds no value of the record
---@return string error  JSON
---@return string fingerprint
function outcome.review(flow, job, about)
  return assert(json.encode { class = "review", record = job.record, text = about.text, rule = about.rule,
                              candidates = json.array(about.candidates or {}), way_out = about.way_out }),
         fingerprint(flow, "review", { about.rule, about.cause })
end

--- A new record that may be another one, of the other side.
---@param flow string
---@param job table
---@param text string
---@param candidates table[]  { id=, name=, linked=, confidence= }
---@param cause string|nil    what made it doubtful, when that is not likeness
---@return string error  JSON
---@return string fingerprint
function outcome.alike(flow, job, text, candidates, cause)
  local best = candidates[1]
  return outcome.review(flow, job, { rule = "adopt", cause = cause or best and best.linked and "taken" or "alike",
    text = text, candidates = candidates,
    way_out = ("navodoo review link %d %s if they are one, navodoo review separate %d if not"):format(job.id,
      best and tostring(best.id) or "KEY", job.id) })
end

--- A record that another one of the same side is linked to already. The store's own words,
-- of its unique index, help nobody.
---@param flow string
---@param job table
---@param target string   as a person calls it
---@param holder string|nil  name of the record that has it
---@return string error  JSON
---@return string fingerprint
function outcome.taken(flow, job, target, holder)
  return outcome.review(flow, job, { rule = "adopt", cause = "taken",
    text = ("%s belongs to %s already"):format(target, holder or "another record"),
    way_out = ("navodoo links shows whose it is; navodoo review link %d KEY names another, navodoo review "
      .. "separate %d makes a new one"):format(job.id, job.id) })
end

local function conflict_text(conflicts, names, refused)
  local fields = table.concat(names, ", ")
  if refused then return ("what was said of %s cannot be written: %s"):format(fields, refused.text) end
  return (next(conflicts[1].base_nav) and "both sides changed %s, and differently"
    or "NAV and Odoo do not agree on %s, and are one record"):format(fields)
end

--- Two sides that changed one thing differently.
---@param flow string
---@param item table
---@param nav string       name of the NAV record
---@param conflicts table[]  of `pair.conflicts`
---@param more { lane: string[], fields: table, refused: table? }  names that a decision locks, what
--   NAV's schema says of the fields, and a person's word that could not be done
---@return string error  JSON
---@return string fingerprint
function outcome.conflict(flow, item, nav, conflicts, more)
  local names = {}
  for i, c in ipairs(conflicts) do names[i] = c.nav_fields[1] or c.odoo_fields[1] end
  table.sort(names)
  return assert(json.encode { class = "review", rule = "conflict", record = item.job.record, nav = nav,
                              odoo = tostring(item.id), conflicts = json.array(conflicts),
                              text = conflict_text(conflicts, names, more.refused),
                              lane = json.array(more.lane), fields = more.fields, refused = more.refused,
                              way_out = ("navodoo review take %d nav, odoo or FIELD=VALUE"):format(item.job.id) }),
         fingerprint(flow, "review", { "conflict", table.unpack(names) })
end

--- A record that keeps changing hands: the two systems do not agree on a value.
---@param flow string
---@param item table
---@param turns integer  that are allowed
---@param more { lane: string[], fields: table }  as of a conflict
---@return string error  JSON
---@return string fingerprint
function outcome.restless(flow, item, turns, more)
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
                              lane = json.array(more.lane), fields = more.fields,
                              text = ("changed hands more than %d times within the hour: NAV and Odoo do not agree "
                                .. "on %s, and each sets it again"):format(turns, first),
                              way_out = "look what changes it on either side (rounding, an automation, a trigger), or "
                                .. ("give the entry an owner; then navodoo review take %d nav or odoo"):format(
                                  item.job.id) }),
         fingerprint(flow, "review", { "restless", first })
end

--- A record whose partner stands alone now.
---@param flow string
---@param job table
---@param about { side: "nav"|"odoo", archived: boolean?, nav: string, odoo: string, lost: string,
--   left: string, lane: string[] }  which side lacks its record (or has archived it), the two
--   names of the link, what is gone and what is left as a person calls them, what to lock
---@return string error  JSON
---@return string fingerprint
function outcome.gone(flow, job, about)
  local system = about.side == "nav" and "NAV" or "Odoo"
  local what = about.archived and ("%s is archived in %s"):format(about.lost, system)
    or ("%s is gone from %s"):format(about.lost, system)
  return assert(json.encode { class = "review", rule = "gone", record = job.record, side = about.side,
                              archived = about.archived, nav = about.nav, odoo = about.odoo,
                              lane = json.array(about.lane),
                              text = ("%s; %s is still there"):format(what, about.left),
                              way_out = (about.archived and "navodoo dead drop %d leaves both as they are; or make it "
                                .. "active again, then navodoo dead retry %d"
                                or "navodoo dead drop %d leaves what is there alone, navodoo review link %d KEY "
                                .. "names the record that takes its place, navodoo review separate %d lets what is "
                                .. "there begin anew; `gone` in the flow decides it for all"):format(job.id, job.id,
                                job.id) }),
         fingerprint(flow, "review", { "gone", about.side, about.archived and "archived" })
end

--- A record of NAV that was gone, and is there again, while its partner is archived.
---@param flow string
---@param job table
---@param partner string  as a person calls it
---@return string error  JSON
---@return string fingerprint
function outcome.returned(flow, job, partner)
  return outcome.review(flow, job, { rule = "returned",
    text = ("%s was gone and is there again; %s is archived"):format(job.record, partner),
    way_out = ("make %s active in Odoo, then navodoo dead retry %d; navodoo dead drop %d leaves it archived"):format(
      partner, job.id, job.id) })
end

return outcome
