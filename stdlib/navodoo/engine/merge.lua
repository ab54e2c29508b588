--- Who changed what: the three-way merge of a linked pair, entry by entry.
--
-- The base holds both records as they were last in step. An entry of which one side
-- changed travels to the other; where both changed and say the same, nothing is left to
-- do; where they differ, the entry's owner decides, then the flow's policy, then a person.
-- What loses is named, never dropped in silence. Without a base (first sight of two
-- records that both exist and are one) the owner decides, and a blank side is filled from the
-- other. Where both say something, two that just met take NAV's word, unless the policy is
-- "odoo": they differ in how they were typed. Two that were in step before (the store was
-- lost, the external id tells) differ by somebody's edit: the policy decides.
-- Pure functions.

local decimal = require "navodoo.decimal"
local json = require "navodoo.json"
local time = require "navodoo.time"
local base = require "navodoo.engine.base"

local merge = {}

---@class navodoo.Sides
---@field base { nav: table, odoo: table }|nil
---@field met boolean|nil      the two were found to be one just now
---@field nav table            the NAV record now
---@field odoo table           the Odoo record now
---@field to_odoo table        what NAV's record says in Odoo's words
---@field to_nav table         what Odoo's record says in NAV's words
---@field same_odoo fun(field: string, a: any, b: any): boolean
---@field same_nav fun(field: string, a: any, b: any): boolean
---@field owner fun(entry: table): "nav"|"odoo"|nil
---@field conflict "nav"|"odoo"|"review"|"newest"
---@field nav_at string|nil    NAV's stamp of the record, where it is an instant
---@field odoo_at string|nil   Odoo's

---@class navodoo.Verdict
---@field entry table
---@field what "same"|"to_odoo"|"to_nav"|"ignored"|"conflict"
---@field lost "nav"|"odoo"|nil  whose change is overwritten
---@field owner "nav"|"odoo"|nil  of the entry, for this pair

--- What neither system can tell from "nobody said": NAV has no null, Odoo's is false.
---@param v any
---@return boolean
function merge.is_blank(v)
  if decimal.is(v) then return v:is_zero() end
  return v == nil or v == json.null or v == "" or v == false or v == " " or v == 0
end

local function blank(record, fields)
  for _, name in ipairs(fields) do
    if not merge.is_blank(record[name]) then return false end
  end
  return true
end

local function known(side, fields)
  for _, name in ipairs(fields) do
    if side[name] == nil then return false end
  end
  return true
end

local function agree(values, record, fields, same)
  local any = false
  for _, name in ipairs(fields) do
    local v = values[name]
    if v ~= nil then
      any = true
      if not same(name, v, record[name]) then return false end
    end
  end
  return any
end

--- May a change of this entry go this way at all?
---@param entry table
---@param owner "nav"|"odoo"|nil
---@param way "odoo"|"nav"
---@return boolean
function merge.travels(entry, owner, way)
  if way == "odoo" then return entry.to_odoo == true and owner ~= "odoo" end
  return entry.to_nav == true and owner ~= "nav"
end

local function newest(s)
  local a, b = s.nav_at and time.parse_iso(s.nav_at), s.odoo_at and time.parse_iso(s.odoo_at)
  if not a or not b or a == b then return nil end
  return a > b and "nav" or "odoo"
end

-- Both sides have something to say, and not the same.
local function decide(entry, owner, s)
  if merge.travels(entry, owner, "odoo") ~= merge.travels(entry, owner, "nav") then
    local out = merge.travels(entry, owner, "odoo")
    return { entry = entry, what = out and "to_odoo" or "to_nav", lost = out and "odoo" or "nav" }
  end
  local winner = s.conflict
  if winner == "newest" then winner = newest(s) end
  if winner == "nav" then return { entry = entry, what = "to_odoo", lost = "odoo" } end
  if winner == "odoo" then return { entry = entry, what = "to_nav", lost = "nav" } end
  return { entry = entry, what = "conflict" }
end

local function verdict(entry, owner, s)
  local out, back = merge.travels(entry, owner, "odoo"), merge.travels(entry, owner, "nav")
  if not out and not back then return { entry = entry, what = "same" } end
  -- made of nothing in NAV: not a change, but what Odoo must hold
  if #entry.nav == 0 then return { entry = entry, what = "to_odoo" } end
  local b = s.base
  local has = b and known(b.nav, entry.nav) and known(b.odoo, entry.odoo)
  local nav_changed = not has or base.changed(b.nav, s.nav, entry.nav)
  local odoo_changed = not has or base.changed(b.odoo, s.odoo, entry.odoo)
  if not nav_changed and not odoo_changed then return { entry = entry, what = "same" } end
  -- said the same in the words of either side, whoever owns it: a VAT number in another spelling
  if entry.to_odoo and agree(s.to_odoo, s.odoo, entry.odoo, s.same_odoo)
     or entry.to_nav and agree(s.to_nav, s.nav, entry.nav, s.same_nav) then
    return { entry = entry, what = "same" }
  end
  if has and not odoo_changed then return { entry = entry, what = out and "to_odoo" or "ignored" } end
  if has and not nav_changed then return { entry = entry, what = back and "to_nav" or "ignored" } end
  if not has and out and back then
    local no_nav, no_odoo = blank(s.nav, entry.nav), blank(s.odoo, entry.odoo)
    if no_nav and not no_odoo then return { entry = entry, what = "to_nav" } end
    if no_odoo and not no_nav then return { entry = entry, what = "to_odoo" } end
    -- NAV's is the way of the books
    if s.met and s.conflict ~= "odoo" then return { entry = entry, what = "to_odoo", lost = "odoo" } end
  end
  return decide(entry, owner, s)
end

--- Decides every entry of a pair.
---@param entries table[]
---@param sides navodoo.Sides
---@return navodoo.Verdict[]
function merge.plan(entries, sides)
  local out = {}
  for i, entry in ipairs(entries) do
    local owner = sides.owner(entry)
    out[i] = verdict(entry, owner, sides)
    out[i].owner = owner
  end
  return out
end

return merge
