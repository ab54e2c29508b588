--- How each write of a flow is found again when its answer was lost: the table of its keys.
--
-- A write is known by a natural key that stands in the record itself. *Enforced* means that the
-- system refuses a second record with it, *searched* that absence is believed only after the settle
-- time, because a call that was cut off may still land. The probe is the call that the engine makes
-- before it writes again. What changes with the record stands in braces.

local keys = require "navodoo.engine.keys"

local proof = {}

--- Settle times of endpoints that name none: Odoo ends a call after two minutes, NAV after eight.
local SETTLE_MS <const> = { odoo = 120000, nav = 480000 }

---@class navodoo.Proof
---@field flow string
---@field direction "nav_to_odoo"|"odoo_to_nav"
---@field step "create"|"update"|"name"|"archive"|"block"
---@field target string        system and entity that is written
---@field key string           what the record is found by
---@field enforced boolean     the target refuses a second one
---@field by string            what refuses it, or how it is searched
---@field probe string|nil     nil: it cannot be asked for
---@field idempotency string   name of the effect in the store
---@field settle_ms integer
---@field lost string          what happens when the answer is lost

--- How long a lost write to an endpoint may still land.
---@param endpoint table
---@param kind "nav"|"odoo"
---@return integer ms
function proof.settle_ms(endpoint, kind) return endpoint.settle_ms or SETTLE_MS[kind] end

local function braces(fields, between)
  local names = {}
  for i, name in ipairs(fields) do names[i] = "{" .. name .. "}" end
  return table.concat(names, between or ",")
end

-- GET of NAV records by key, or by another field.
local function nav_question(flow, field)
  local path = ("GET /Company('{company}')/%s?"):format(flow.nav.read)
  local parts, key = {}, flow.nav.key
  if field then
    return ("%s$filter=%s eq '{%s}'&$orderby=%s&$top=2"):format(path, field, field, table.concat(key, ","))
  end
  for i, name in ipairs(key) do parts[i] = ("%s eq '{%s}'"):format(name, name) end
  if #key > 1 then parts[#key] = "(" .. parts[#key] .. ")" end
  return path .. "$filter=" .. table.concat(parts, " and ")
end

local function odoo_question(flow, name)
  return ('ir.model.data search_read [["module","=","navodoo"],["model","=","%s"],["name","in",["%s"]]]')
    :format(flow.odoo.model, name)
end

local UNIQUE <const> = "unique (module, name) of ir.model.data"
local PRIMARY <const> = "primary key of the table in NAV"
local ASKED <const> = "asked by its key, and written only if it is not there"
local COMPARED <const> = "read, and what still differs is written"
local DECIDED <const> = "a person decides"

local function forth(flow, row)
  local name = ("{company}_%s_%s"):format(keys.part(flow.link.xmlid), braces(flow.nav.key, keys.part ","))
  local question = odoo_question(flow, name)
  local key = "external id navodoo." .. name
  local function add(step, lost)
    row { direction = "nav_to_odoo", step = step, target = "Odoo " .. flow.odoo.model, key = key, enforced = true,
          by = UNIQUE, probe = question, lost = lost, side = "odoo",
          idempotency = keys.effect(flow.name, "{company}", flow.nav.read, braces(flow.nav.key)) }
  end
  add("create", ASKED)
  add("update", COMPARED)
  if flow.policy.gone.from_nav == "archive" then add("archive", COMPARED) end
  return key, question
end

-- What a new NAV record is found by.
local function birth(flow)
  local number, probe = flow.policy.number, flow.policy.probe
  local last = flow.nav.key[#flow.nav.key]
  if type(number) == "table" then
    return { key = ("%s = %s and {id} in %d digits"):format(last, number.prefix, number.digits), enforced = true,
             by = PRIMARY, probe = nav_question(flow), lost = ASKED }
  elseif probe then
    return { key = ("%s = {%s}"):format(probe, probe), enforced = false, by = "searched; two are for a person",
             probe = nav_question(flow, probe), lost = ASKED .. " when the settle time is over" }
  end
  return { key = ("none: the number series gives %s"):format(last), enforced = false,
           by = "nothing; name a field in nav.probe", lost = DECIDED }
end

local function back(flow, row, name, question)
  local target, effect = "NAV " .. flow.nav.read,
    keys.effect_back(flow.name, "{company}", flow.odoo.model, "{id}")
  local function add(step, what)
    what.direction, what.step, what.target, what.idempotency = "odoo_to_nav", step, what.target or target, effect
    what.side = what.side or "nav"
    row(what)
  end
  if flow.policy.create_in_nav then
    add("create", birth(flow))
    add("name", { target = "Odoo " .. flow.odoo.model, side = "odoo", key = name, enforced = true, by = UNIQUE,
                  probe = question, lost = ASKED })
  end
  local function update(step)
    add(step, { key = braces(flow.nav.key) .. " and its ETag", enforced = true, by = PRIMARY .. ", If-Match",
                probe = nav_question(flow), lost = COMPARED })
  end
  update "update"
  if flow.policy.gone.from_odoo == "block" then update "block" end
end

--- The rows of a flow, in the order in which things happen.
---@param flow navodoo.Compiled
---@param endpoints { nav: table, odoo: table }
---@return navodoo.Proof[]
function proof.of(flow, endpoints)
  local rows = {}
  local function row(r)
    r.flow, r.settle_ms = flow.name, proof.settle_ms(endpoints[r.side], r.side)
    r.side = nil
    rows[#rows + 1] = r
  end
  local has = {}
  for _, direction in ipairs(flow.directions) do has[direction] = true end
  local name, question = forth(flow, has.nav_to_odoo and row or function() end)
  if has.odoo_to_nav then back(flow, row, name, question) end
  return rows
end

return proof
