--- Entry point of navodoo-spec: runs spec files with the runner that `navodoo test` has.
--
-- With NAVODOO_SPEC_GC set the collector never rests: what is only held by luck is gone then.

local spec = require "testing.spec"

local runner = {}

---@param files string[]
---@return integer exit code
function runner.start(files)
  if os.getenv "NAVODOO_SPEC_GC" then
    collectgarbage("incremental", 1, 1000, 1)
    collectgarbage("setpause", 0)
  end
  return spec.run(files) and 0 or 1
end

return runner
