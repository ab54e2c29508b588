--- A crowd at work: N records of one side changed as persons change them, drawn by a seed.
--
-- Each record is changed once, in one or two of the fields that people change most: a phone number,
-- a street, a mail address. What was changed is answered, so that a test can look for it on the
-- other side, and records that the other side's crowd changed can be left out.

local people = require "sandbox.people"

local crowd = {}

local STREAM <const> = 1 << 42

-- Field of each side for what a person changes.
local FIELDS <const> = {
  nav = { phone = "Phone No.", street = "Address", email = "E-Mail" },
  odoo = { phone = "phone", street = "street", email = "email" },
}
local KINDS <const> = { "phone", "street", "email" }

local function changes_of(draw, side, firm)
  local first = draw(#KINDS)
  local list = { KINDS[first + 1] }
  if draw(2) == 0 then list[2] = KINDS[(first + 1) % #KINDS + 1] end
  local changes = {}
  for n, kind in ipairs(list) do changes[n] = { key = FIELDS[side][kind], value = firm[kind] } end
  return changes
end

--- Draws who is changed, and how.
---@param side "nav"|"odoo"
---@param keys any[]     of all records that may be changed, in order
---@param options { edits: integer, seed: integer? }
---@return { key: any, changes: { key: string, value: string }[] }[]
function crowd.plan(side, keys, options)
  local seed = options.seed or 1
  local draw = people.random(seed, STREAM + (side == "nav" and 0 or 1))
  local pool, list = table.move(keys, 1, #keys, 1, {}), {}
  for n = 1, math.min(options.edits, #pool) do
    local at = n + draw(#pool - n + 1)
    pool[n], pool[at] = pool[at], pool[n]
    -- firms of another seed: what they say is nobody's yet
    local firm = people.company(seed + 7919, (side == "nav" and 0 or 500000) + n)
    list[n] = { key = pool[n], changes = changes_of(draw, side, firm) }
  end
  return list
end

return crowd
