-- A generation of scenario.lua: ends at once, or waits until it is closed.
local task = require "navodoo.task"

return {
  start = function(argument)
    if argument ~= "wait" then return end
    local lock <close> = task.lock { "child" }
    task.event("child"):wait()
    return lock
  end,
}
