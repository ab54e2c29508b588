--- Asks the store several things at once: they wait for one group of the writer and not each
-- for one of its own, which under a first load is the difference between 50 ms and 300.

local store = require "navodoo.store"
local task = require "navodoo.task"

local asking = {}

--- The rows of each query, by its name; raises when one fails. Waits.
---@param ... string|table  name of a query, or { name, argument, ... }
---@return table<string, table[]>
function asking.all(...)
  local questions, answers, failed = { ... }, {}, nil
  local left, done = #questions, task.event()
  for _, q in ipairs(questions) do
    local words = type(q) == "table" and q or { q }
    task.spawn(function()
      local rows, err = store.query(table.unpack(words))
      answers[words[1]], failed = rows, failed or err
      left = left - 1
      if left == 0 then done:set() end
    end)
  end
  done:wait()
  if failed then error(failed.text, 0) end
  return answers
end

return asking
