--- Which links a full walk came across: the others may point to records that are gone.
--
-- One bit for each link, by its number in the store, so that a million of them cost some
-- hundred kilobytes. Links that were touched after the walk began are not asked about. What a
-- walk did not see is only a question; gone.lua asks the system before it believes.

local log = require "navodoo.log"
local store = require "navodoo.store"
local time = require "navodoo.time"
local gone = require "navodoo.engine.gone"

local census = {}
census.__index = census

local PAGE <const> = 1000

---@class navodoo.Census
---@field bits table<integer, integer>
---@field began integer   when the walk began
---@field last integer    the newest link then

---@param now integer
---@param last integer  the newest link
---@return navodoo.Census
function census.new(now, last) return setmetatable({ bits = {}, began = now, last = last }, census) end

--- The census of a walk that begins now; none when the store fails. Waits.
---@return navodoo.Census|nil
function census.begin()
  local rows = store.query "links_last"
  return rows and census.new(time.now(), rows[1].id)
end

--- The walk came across the record of this link.
---@param link integer
function census:see(link)
  local word = link >> 6
  self.bits[word] = (self.bits[word] or 0) | 1 << (link & 63)
end

---@param link integer
---@return boolean
function census:saw(link)
  return (self.bits[link >> 6] or 0) & 1 << (link & 63) ~= 0
end

--- Stores a job for every link that the walk did not come across.
---@param engine table
---@param direction "nav_to_odoo"|"odoo_to_nav"  of the side that was walked
---@return integer|nil count
---@return table|nil err
function census:report(engine, direction)
  local after, count = 0, 0
  while after < self.last do
    local links, err = store.query("links_until", engine.flow.name, after, self.last, PAGE)
    if not links then return nil, err end
    local txn = store.txn()
    for _, l in ipairs(links) do
      after = l.id
      if l.updated < self.began and not self:saw(l.id) and gone.is_news(l, direction) then
        gone.suspect(engine, txn, direction, direction == "nav_to_odoo" and l.nav or l.odoo)
        count = count + 1
      end
    end
    if #txn > 0 then
      local ok, failed = store.apply(txn)
      if not ok then return nil, failed end
      engine.wake:set()
    end
    if #links < PAGE then break end
  end
  return count
end

--- Ends the census of a walk that is complete, if it has one from its beginning: a walk
-- that went on where another process stopped has not seen everything.
---@param engine table
---@param name "nav_census"|"odoo_census"  where the engine keeps it
---@param direction "nav_to_odoo"|"odoo_to_nav"
function census.finish(engine, name, direction)
  local it = engine[name]
  engine[name] = nil
  if not it then return end
  local count, err = it:report(engine, direction)
  if not count then
    log.warn("sweep: " .. tostring(err.text), { flow = engine.flow.name })
  elseif count > 0 then
    log.info("sweep: linked records were not found", { flow = engine.flow.name, count = count, direction = direction })
  end
end

return census
