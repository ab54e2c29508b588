--- Whether anything new is taken in. Closed while the disk is nearly full: polls wait and
-- webhooks are told to come back, while what was accepted is finished, which takes little
-- room and gives some back. One state of the process closes it, all of them look.

local cache = require "navodoo.cache"

local door = {}

local SPACE <const>, NAME <const> = "door", "intake"
--- Whoever closes it says so again in time; a watcher that ended leaves it open.
local TTL_MS <const> = 60000

--- Nothing new is taken in for a minute, or until it is opened.
---@param why string
function door.close(why) cache.put(SPACE, NAME, why, TTL_MS) end

function door.open() cache.drop(SPACE, NAME) end

--- Why nothing new is taken in; nil when it is.
---@return string|nil
function door.closed() return cache.get(SPACE, NAME) end

return door
