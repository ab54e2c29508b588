--- Watches what the disk of the store has left, and stops what takes in before the store
-- suffers: the mark is `disk.low` of navodoo.lua. It goes on by itself when there is an
-- eighth more than that, so that it does not flap.

local door = require "navodoo.engine.door"
local fs = require "navodoo.fs"
local log = require "navodoo.log"
local storage = require "navodoo.storage"
local task = require "navodoo.task"

local disk = {}

local LOOK_MS <const> = 2000

--- Looks once.
---@param folder string   of the store
---@param low integer     bytes
---@return string|nil why  intake is stopped
function disk.look(folder, low)
  local free = fs.free(folder)
  local closed = door.closed()
  if not free then return closed end -- what cannot be asked stops nothing
  if free >= (closed and low + low // 8 or low) then
    if closed then
      door.open()
      log.info(("the disk has %s left: intake goes on"):format(storage.size(free)), { folder = folder })
    end
    return nil
  end
  local why = ("the disk of %s has %s left, less than %s (disk.low): nothing new is taken in until there is more")
    :format(folder, storage.size(free), storage.size(low))
  door.close(why)
  if not closed then log.error(why, { folder = folder }) end
  return why
end

--- Looks until the process ends. To be spawned.
---@param folder string
---@param p table  project; its configuration may be read anew meanwhile
function disk.watch(folder, p)
  while true do
    disk.look(folder, p.config.storage.low)
    task.sleep(LOOK_MS)
  end
end

return disk
