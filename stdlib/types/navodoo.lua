---@meta
-- What the C primitives take and give, for editors and for readers. Each class is the module
-- of its name: `require "navodoo.json"` gives a navodoo.json. Functions marked async wait: the
-- task is suspended and others run. What may fail in normal life returns nil and an error.
-- A spec compares this file with the modules, so it names all there is and nothing else.

--- Why something failed.
---@class navodoo.Error
---@field code string             "json", "network", "timeout", "breaker_open", "tls", "bug", "budget", ...
---@field text string             one line for a person, fit for the log
---@field http integer?           status, when the answer was HTTP
---@field retry_after_ms integer? what the other side asked for
---@field maybe_sent boolean      false: nothing can have reached the server
---@field line integer?           of the input (json, xml) or of the script (bug, budget)
---@field column integer?
---@field offset integer?
---@field file string?
---@field traceback string?

-- ---- values ----------------------------------------------------------------------------

---@class navodoo.json
---@field null lightuserdata  JSON's null; a value, and true in a condition
---@field array_mt table      metatable of arrays, so that an empty one stays one
local json = {}

--- Reads RFC 8259, strictly. Whole numbers that fit become integers, all others decimals.
---@param text string
---@param options { max_depth: integer?, budget: integer? }?  budget: what it may hold, in values
---@return any value
---@return navodoo.Error? err
---@nodiscard
function json.decode(text, options) end

--- Writes a value: keys sorted unless `json.object` gave an order; digits of decimals kept.
---@param value any
---@return string? text
---@return navodoo.Error? err
---@nodiscard
function json.encode(value) end

--- A text that `json.encode` writes as it is.
---@param text string  JSON
---@return userdata
function json.raw(text) end

--- Rows of texts, `[["xmlid","cell",...],...]`, from `from` on: `max_rows` of them, or as many
--- as fit into `max_bytes` (one at least).
---@param plan { prefix: string, names: string[], kinds: ("text"|"number"|"integer"|"id"|"boolean"|"other")[], convert: fun(column: integer, value: any): string?, string? }
---@param rows { xmlid: string, write: table }[]
---@param from integer
---@param max_rows integer
---@param max_bytes integer
---@return string text
---@return integer next                    the first row that is not in it
---@return table<integer, any[]>? wrong    row -> { column, why it has no text }
function json.rows(plan, rows, from, max_rows, max_bytes) end

--- Which of the names have a value, a character for each: "0110".
---@param values table
---@param names string[]
---@return string
function json.present(values, names) end

--- Equal values, equal text: keys always sorted, decimals normalised. For hashes and bases.
---@param value any
---@return string? text
---@return navodoo.Error? err
---@nodiscard
function json.canonical(value) end

--- Gives a table an order of keys; those that it does not name follow, sorted.
---@param keys string[]
---@param t table
---@return table t
function json.object(keys, t) end

--- Marks a table as an array.
---@param t table
---@return table t
function json.array(t) end

---@param t any
---@return boolean
function json.is_array(t) end

---@class navodoo.records
local records = {}

--- How to read a list of records out of a JSON text: their columns and kinds, and where the list
--- stands. Columns that are not named are left out; those aside are no part of the record.
---@param spec { columns: table[], list: string?, beside: string?, empty_day: string?, lenient: boolean? }
---  a column is { name, kind, aside = true? }; kind: any, decimal, integer, boolean, date, datetime,
---  naive (UTC without saying so), link (an id or a pair)
---@return navodoo.records.Plan
function records.plan(spec) end

---@class navodoo.Body  of an answer: no string was made of it
---@field text fun(self): string
---@operator len: integer

---@class navodoo.records.Plan
---@field read fun(self, text: string|navodoo.Body): navodoo.records.List?, table?  err.code: json, type;
---  a body is read on another thread, and its handle is empty when that went well
---@field read_one fun(self, text: string): navodoo.records.List?, table?

---@class navodoo.records.List
---@field record fun(self, i: integer): table      its values
---@field text fun(self, i: integer): string       canonical text
---@field hashes fun(self): string[]  of the texts of all, as crypto.hash gives it
---@field column fun(self, name: string, prefix: string?): any[]  false where a record lacks it
---@field same fun(self, i: integer, values: table): true|string[]  names whose text differs
---@field pack fun(self, at: integer[], names: string[], tags: any[]): string  [[name,tag,record],...]
---@field pairs fun(self, is: integer[], name: string, other: navodoo.records.List, ks: integer[], its: string): string[]
---@field beside fun(self): string?
---@field close fun(self)

---@class navodoo.Decimal
---@operator add(navodoo.Decimal|integer): navodoo.Decimal
---@operator sub(navodoo.Decimal|integer): navodoo.Decimal
---@operator mul(navodoo.Decimal|integer): navodoo.Decimal
---@operator unm: navodoo.Decimal
local number = {}

---@alias navodoo.Rounding "half_even"|"half_up"|"half_down"|"up"|"down"|"ceiling"|"floor"

---@param scale integer  digits after the point
---@param mode navodoo.Rounding?  "half_even" unless said
---@return navodoo.Decimal
---@nodiscard
function number:round(scale, mode) end

---@param by navodoo.Decimal|integer
---@param scale integer
---@param mode navodoo.Rounding?
---@return navodoo.Decimal
---@nodiscard
function number:div(by, scale, mode) end

---@return navodoo.Decimal
---@nodiscard
function number:abs() end

---@return -1|0|1
function number:sign() end

---@return integer digits  after the point
function number:scale() end

---@return boolean
function number:is_zero() end

--- Without zeros at the end of the fraction.
---@return navodoo.Decimal
---@nodiscard
function number:normalize() end

---@return integer?  nil when it has a fraction or does not fit
function number:integer() end

--- An exact number. `==` compares two decimals only; `<` and the operators take integers too.
---@class navodoo.decimal
local decimal = {}

--- Raises on anything else, a float too.
---@param x string|integer|navodoo.Decimal
---@return navodoo.Decimal
function decimal.new(x) end

---@param text string
---@return navodoo.Decimal?
---@return string? why
function decimal.parse(text) end

---@param x any
---@return boolean
function decimal.is(x) end

---@class navodoo.text
local text = {}

---@param s string
---@return string?
---@return navodoo.Error? err  not UTF-8
---@nodiscard
function text.nfc(s) end

--- For comparing names: case folded, marks stripped.
---@param s string
---@return string?
---@return navodoo.Error? err  not UTF-8
---@nodiscard
function text.fold(s) end

---@param s string
---@return string?
---@return navodoo.Error? err  not UTF-8
---@nodiscard
function text.upper(s) end

---@param s string
---@return string?
---@return navodoo.Error? err  not UTF-8
---@nodiscard
function text.lower(s) end

---@param s string
---@return integer? code_points
---@return navodoo.Error? err  not UTF-8
function text.length(s) end

--- Length as NAV's Text[n] counts it.
---@param s string
---@return integer? units
---@return navodoo.Error? err  not UTF-8
function text.utf16_length(s) end

--- At most `n` UTF-16 units, whole code points only.
---@param s string
---@param n integer
---@return string?
---@return navodoo.Error? err  not UTF-8
---@nodiscard
function text.truncate(s, n) end

---@param s string
---@return string
function text.trim(s) end

---@param s string
---@return boolean  true for UTF-8
function text.valid(s) end

--- In capital ASCII letters, without white space, dots, dashes and slashes.
---@param s string
---@return string
function text.bare(s) end

--- Nothing but ASCII letters and digits of these classes: "u" upper, "l" lower, "d" digits.
---@param s string
---@param classes string
---@return boolean
function text.is(s, classes) end

--- One address of the form a@b.c.
---@param s string
---@return boolean
function text.is_email(s) end

---@class navodoo.crypto
local crypto = {}

---@param s string
---@return string hex
function crypto.sha256(s) end

---@param s string
---@return string hex  first half of the SHA-256
function crypto.hash(s) end

---@param key string
---@param s string
---@return string hex
function crypto.hmac_sha256(key, s) end

---@param s string
---@return string
function crypto.base64(s) end

---@param s string
---@return string?
---@return navodoo.Error? err
function crypto.unbase64(s) end

---@param bytes integer
---@return string hex
function crypto.random_hex(bytes) end

--- Takes as long for equal as for different texts.
---@param a string
---@param b string
---@return boolean
function crypto.equal(a, b) end

---@class navodoo.XmlNode
---@field name string          without prefix
---@field ns string?           URI of the name space
---@field attrs table<string, string>
---@field [integer] navodoo.XmlNode|string

---@class navodoo.xml
local xml = {}

--- No network, no entities of its own; size and depth are limited.
---@param text string
---@return navodoo.XmlNode?
---@return navodoo.Error? err
function xml.parse(text) end

---@param s string
---@return string  fit for text and attributes
function xml.escape(s) end

-- ---- time ------------------------------------------------------------------------------

---@class navodoo.time
local time = {}

---@return integer us  since the epoch
function time.now() end

---@return integer ms  never goes back
function time.monotonic() end

---@param us integer
---@return string  "2026-11-24T06:11:19Z", with ".123456" only when that is not zero
function time.iso(us) end

---@param s string
---@return integer? us
---@return string? why
function time.parse_iso(s) end

---@param us integer
---@param zone string
---@return string  "YYYY-MM-DD"
function time.date(us, zone) end

---@param us integer
---@param zone string
---@return { year: integer, month: integer, day: integer, hour: integer, min: integer, sec: integer, wday: integer }
function time.fields(us, zone) end

---@param name string
---@return boolean
function time.zone_valid(name) end

---@param s string  "250ms", "30s", "5m", "2h", "1d"
---@return integer? ms
---@return string? why
function time.duration(s) end

--- Five cron fields or "HH:MM"; each slot comes once, whatever daylight saving does.
---@param expr string
---@param zone string
---@param after_us integer
---@return integer? us
---@return string? why
function time.cron_next(expr, zone, after_us) end

-- ---- work ------------------------------------------------------------------------------

---@class navodoo.Event
local event = {}

--- Wakes all who wait, or is kept for the next.
function event:set() end

---@async
---@param timeout_ms integer?
---@return boolean  false after the time
function event:wait(timeout_ms) end

---@class navodoo.Lock  given back at the end of a `<close>` variable too
local lock = {}

function lock:release() end

---@class navodoo.task
local task = {}

---@param fn function
---@param ... any
function task.spawn(fn, ...) end

---@async
---@param ms integer
function task.sleep(ms) end

--- With a name: the same event in all states of the process.
---@param name string?
---@return navodoo.Event
function task.event(name) end

--- Waits until all names are held, together; first come, first served for each.
---@async
---@param names string[]
---@return navodoo.Lock
function task.lock(names) end

--- Nobody holds or waits for any of the names; true until the caller waits for something.
---@param names string[]
---@return boolean
function task.is_free(names) end

--- Calls code of a flow with a budget. What it raises comes back as an error. Guards do not nest.
---@param instructions integer?
---@param fn function
---@param ... any
---@return boolean ok
---@return any ...  results, or the error
function task.guard(instructions, fn, ...) end

---@class navodoo.store
local store = {}

---@class navodoo.Txn  a transaction under construction; `#txn` operations
local txn = {}

--- Adds an operation of the store.
---@param operation string
---@param ... string|integer|boolean|nil
function txn:add(operation, ...) end

--- How the store does at this moment.
---@return { commit: { count: integer, sum: number, buckets: integer[] }, waiting_bytes: integer }?
---@return navodoo.Error? err
function store.look() end

--- Adds `n` operations; a value that is a table holds that of the k-th at [k].
---@param operation string
---@param n integer
---@param ... string|integer|boolean|table|nil
function txn:add_each(operation, n, ...) end

---@return navodoo.Txn
function store.txn() end

--- One transaction, all or nothing: { {"job_done", id, rev}, {"cursor_drop", name, expect = 1} },
--- or what was added to a `store.txn()`, which is empty afterwards.
---@async
---@param operations table[]|navodoo.Txn
---@return true? ok
---@return integer|navodoo.Error rows_or_err
function store.apply(operations) end

---@async
---@param name string
---@param ... string|integer|boolean|nil
---@return table[]? rows
---@return navodoo.Error? err
function store.query(name, ...) end

---@return integer  grows with every start of a process on this store
function store.epoch() end

--- The store of the process. Blocks. With "read" it takes no lock and changes nothing.
---@param folder string
---@param mode "write"|"read"|nil
---@return true?
---@return navodoo.Error? err
function store.open(folder, mode) end

--- Copies a store as it is now, beside its engine, into another folder. Blocks.
---@param from string
---@param to string
---@return true?
---@return navodoo.Error? err
function store.copy(from, to) end

--- The same into one new file. Blocks.
---@param folder string
---@param file string
---@param now integer
---@return true?
---@return navodoo.Error? err
function store.backup(folder, file, now) end

--- Puts a checked backup into a folder that no engine holds. Blocks.
---@param file string
---@param folder string
---@param aside string    the end of the name that a store gets that is there
---@param replace boolean? else a store that is there is refused
---@return true?
---@return navodoo.Error? err
function store.restore(file, folder, aside, replace) end

--- Finishes what is queued. Blocks.
function store.close() end

---@class navodoo.cache  shared by all states, bounded; an entry may be gone at any time
local cache = {}

---@param space string
---@param key string
---@return string?
function cache.get(space, key) end

---@param space string
---@param key string
---@param value string
---@param ttl_ms integer?
---@return boolean kept
function cache.put(space, key, value, ttl_ms) end

---@param space string
---@param key string?  all of the space without it
function cache.drop(space, key) end

---@class navodoo.log
local log = {}

---@param message string
---@param fields table<string, string|number|boolean>?
function log.debug(message, fields) end

---@param message string
---@param fields table<string, string|number|boolean>?
function log.info(message, fields) end

---@param message string
---@param fields table<string, string|number|boolean>?
function log.warn(message, fields) end

---@param message string
---@param fields table<string, string|number|boolean>?
function log.error(message, fields) end

--- Where a kill test may end the process: `failpoint("effect.after_intend")`.
---@alias navodoo.failpoint fun(name: string)

-- ---- the network -----------------------------------------------------------------------

---@class navodoo.SecretHandle  tostring gives its token; there is no way to the value
---@class navodoo.secret
local secret = {}

---@param name string
---@return navodoo.SecretHandle?
---@return navodoo.Error? err
function secret.get(name) end

--- Sets what is used when neither environment nor file nor systemd has the name.
---@param name string
---@param value string
---@return navodoo.SecretHandle?
---@return navodoo.Error? err
function secret.define(name, value) end

--- A secret of its own, made from this one: 32 hex digits that tell nothing of it.
---@param handle navodoo.SecretHandle
---@param label string  letters, digits, "_", "-" and "."
---@return navodoo.SecretHandle?
---@return navodoo.Error? err
function secret.derive(handle, label) end

--- Whether `text` is the value; takes the same time wherever they differ.
---@param handle navodoo.SecretHandle
---@param text string
---@return boolean
function secret.matches(handle, text) end

--- The text with every secret taken out, plain or encoded, as the log would write it.
---@param text string
---@return string
function secret.scrub(text) end

--- How often the secret has got a new value; 0 for one that never had any.
---@param name string
---@return integer
function secret.version(name) end

---@class navodoo.HttpRequest
---@field endpoint string
---@field method string?       "GET" unless said
---@field path string?         appended to the endpoint's address, percent-encoded
---@field headers table<string, string>?
---@field body string?
---@field timeout_ms integer?
---@field max_body integer?
---@field handle boolean?  the body of a 200 comes as a `navodoo.Body`
---@field capture { secret: string, json: string?, cookie: string? }?  a text of the JSON answer, or a cookie, that becomes a secret

---@class navodoo.HttpResponse
---@field status integer
---@field headers table<string, string>  names in small letters
---@field body string
---@field ms integer              from sending to the last byte
---@field retry_after_ms integer? what the server asked for
---@field captured string?        token of the secret; the answer no longer holds it

---@class navodoo.HttpServer
---@field port integer
---@field close fun(self: navodoo.HttpServer)

---@class navodoo.http
local http = {}

--- Adds or changes an endpoint of the process.
---@param options { name: string, base_url: string, auth: "none"|"basic"|"ntlm"|"negotiate"|nil, user: string?, secret: string?, max_connections: integer?, requests_per_second: number?, timeout_ms: integer?, connect_timeout_ms: integer?, max_body: integer?, ca_file: string?, unix_socket: string? }
---@return true?
---@return navodoo.Error? err
function http.endpoint(options) end

--- Tokens of secrets in headers, path and body are replaced when it is sent.
---@async
---@param request navodoo.HttpRequest
---@return navodoo.HttpResponse?
---@return navodoo.Error? err
function http.request(request) end

--- Tells the endpoint's breaker how it went; for connectors.
---@param endpoint string
---@param outcome "ok"|"fail"
---@param retry_after_ms integer?
function http.report(endpoint, outcome, retry_after_ms) end

--- Milliseconds until a call that failed should be made again: full jitter up to a growing limit, and
--- more when the endpoint's retries used up their share of its calls.
---@param endpoint string?
---@param attempt integer  1 after the first failure
---@return integer ms
function http.retry_in(endpoint, attempt) end

--- Ends the requests that wait for a connection ("cancelled", not sent); for connectors.
---@param endpoint string
function http.recall(endpoint) end

---@param endpoint string
---@return { name: string, base_url: string, breaker: string, retry_after_ms: integer, in_flight: integer, queued: integer, calls: integer, failures: integer, answered: integer }?
function http.info(endpoint) end

--- Each request runs in a task of its own: { method, path, headers, body } to
--- { status, headers, body } or { cut = true }.
---@param options { address: string?, port: integer?, socket: string?, handler: (fun(request: table): table), max_body: integer?, connections: integer?, header_memory: integer? }
---@return navodoo.HttpServer?
---@return navodoo.Error? err
function http.serve(options) end

-- ---- for the command line only -----------------------------------------------------------

--- Lines from a person; trusted states only. Blocks while it waits.
---@class navodoo.edit
local edit = {}

---@class navodoo.Editor
local editor = {}

--- Editing, history and completion on a terminal, plain lines elsewhere.
---@param options { prompt: string?, history: string?, complete: fun(line: string, cursor: integer): string[], integer }
---@return navodoo.Editor
function edit.open(options) end

--- The next line without its break; nil at the end of input.
---@return string?
function editor:line() end

--- Is there input, at most so much later?
---@param ms integer
---@return boolean
function editor:pending(ms) end

--- Writes the history.
function editor:close() end

---@class navodoo.fs
local fs = {}

---@param folder string
---@return string[]?  sorted
---@return navodoo.Error? err
function fs.list(folder) end

--- With its parents.
---@param folder string
---@return true?
---@return navodoo.Error? err
function fs.make(folder) end

---@param path string
---@return "file"|"folder"|"other"|nil
function fs.kind(path) end

---@param path string
---@return integer? bytes  that its disk has left
---@return navodoo.Error? err
function fs.free(path) end

---@param path string
---@return integer? bytes  of a file
function fs.size(path) end

---@param fd integer
---@return integer? columns
function fs.terminal(fd) end

---@class navodoo.Watcher
---@field close fun(self: navodoo.Watcher)

--- Sets a named event when something in the folder changed, until it is closed.
---@param folder string
---@param event string
---@return navodoo.Watcher?
---@return navodoo.Error? err
function fs.watch(folder, event) end

---@class navodoo.Generation
---@field close fun(self: navodoo.Generation)
---@field ended fun(self: navodoo.Generation): boolean, string?
---@field memory fun(self: navodoo.Generation): integer

---@class navodoo.metrics
---@field bounds number[]  upper bounds of the buckets, in seconds
local metrics = {}

--- Adds to a counter. `labels` is a text of `metrics.labels`, made once.
---@param family string
---@param labels string
---@param n number?  1
function metrics.count(family, labels, n) end

--- Sets a gauge.
---@param family string
---@param labels string
---@param value number
function metrics.set(family, labels, value) end

--- Adds a duration to a histogram.
---@param family string
---@param labels string
---@param seconds number
---@param n integer?  how many of that length, 1
function metrics.observe(family, labels, seconds, n) end

--- Labels of a series: names and values in turn; a value of nil is left out.
---@param ... string|nil
---@return string
function metrics.labels(...) end

--- All series of the process, sorted, and how many numbers found no room.
---@return { family: string, labels: string, value: number?, count: integer?, sum: number?, buckets: integer[]? }[]
---@return integer lost
function metrics.list() end

---@class navodoo.process
local process = {}

--- Runs a program without a shell and waits for its end. It gets nothing of our environment but
-- PATH, HOME, USER, LANG, LC_ALL, TZ and TMPDIR. `output` is what it said on standard error.
---@async
---@param options { argv: string[], stdin: string?, timeout_ms: integer? }
---@return { code: integer, signal: integer?, timed_out: boolean, output: string }?
---@return navodoo.Error? err
function process.run(options) end

--- Gives our own pages that are in no use back to the system.
function process.trim() end

---@class navodoo.generation
local generation = {}

--- A state of its own with a ceiling; runs `start(argument)` of the module `main` there.
---@param options { name: string, main: string, argument: string?, memory: integer?, trusted: boolean? }
---@return navodoo.Generation?
---@return navodoo.Error? err
function generation.open(options) end

--- Name of the embedded standard library: 12 digits of its content.
---@return string
function generation.stdlib() end
