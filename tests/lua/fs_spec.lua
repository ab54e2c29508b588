-- Folders that are watched, and a store that is only read, as the command line sees them.

local fs = require "navodoo.fs"
local store = require "navodoo.store"
local task = require "navodoo.task"

local function new_folder()
  local path = os.tmpname()
  os.remove(path)
  assert(fs.make(path))
  return path
end

local function write(path, text)
  local f <close> = assert(io.open(path, "wb"))
  f:write(text)
end

describe("fs.watch", function()
  it("sets the event when a file was written or replaced, once for many", function()
    local folder, event = new_folder(), task.event("watch spec")
    local watcher = assert(fs.watch(folder, "watch spec"))
    for i = 1, 3 do write(folder .. "/" .. i, "text") end
    expect(event:wait(10000)):equals(true)
    expect(event:wait(50)):equals(false)
    assert(os.rename(folder .. "/1", folder .. "/2"))
    expect(event:wait(10000)):equals(true)
    watcher:close()
    write(folder .. "/4", "text")
    expect(event:wait(400)):equals(false)
    for i = 2, 4 do os.remove(folder .. "/" .. i) end
    os.remove(folder)
  end)

  it("refuses a folder that is not there", function()
    local watcher, err = fs.watch("/nowhere/at/all", "watch spec")
    expect(watcher):equals(nil)
    expect(err.code):equals("notfound")
  end)
end)

describe("store.open for reading", function()
  it("takes no lock, shows what is there, and changes nothing", function()
    local folder = new_folder()
    expect(select(2, store.open(folder, "read")).code):equals("notfound")
    assert(store.open(folder))
    assert(store.apply { { "meta_put", "k", "v" } })
    store.close()
    assert(store.open(folder, "read"))
    expect(assert(store.query("meta", "k"))[1].value):equals("v")
    local ok, err = store.apply { { "meta_put", "k", "w" } }
    expect(ok):equals(nil)
    expect(err.text):equals("this store is open for reading only")
    store.close()
    assert(store.open(folder))
    expect(assert(store.query("meta", "k"))[1].value):equals("v")
    store.close()
    for _, name in ipairs(fs.list(folder)) do os.remove(folder .. "/" .. name) end
    os.remove(folder)
  end)
end)
