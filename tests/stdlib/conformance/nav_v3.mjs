// The sandbox's OData V3 against a client that we did not write: @odata/client, which speaks the verbose
// JSON of V2 that V3 services still answer. What it writes it deletes again.
//
//   node nav_v3.mjs http://127.0.0.1:7048/DynamicsNAV110/OData [user password]
//
// Last line: `N passed, N failed`.
import { createRequire } from "node:module";

const { OData } = createRequire(process.env.NODE_CLIENTS + "/")("@odata/client");
const [root, username = "navodoo", password = "sandbox"] = process.argv.slice(2);
const COMPANY = "Company('CRONUS%20International%20Ltd.')/";

const equal = (seen, wanted, what) => {
  if (JSON.stringify(seen) !== JSON.stringify(wanted)) {
    throw new Error(`${what}: ${JSON.stringify(seen)}, expected ${JSON.stringify(wanted)}`);
  }
};

const open = (commonHeaders = {}) => OData.New({
  serviceEndpoint: `${root}/`, credential: { username, password },
  commonHeaders: { MaxDataServiceVersion: "2.0", ...commonHeaders },
});
const client = open();
const cards = client.getEntitySet(COMPANY + "CustomerCard");
const day = (text) => new Date(parseInt(/\/Date\((-?\d+)\)\//.exec(text)[1])).toISOString().slice(0, 10);

// All rows by $top and $skip: this client follows no link.
const all = async (set, options = () => client.newOptions()) => {
  const rows = [];
  for (;;) {
    const some = await set.query(options().top(50).skip(rows.length));
    rows.push(...some);
    if (some.length < 50) return rows;
  }
};

const refused = async (promise, words) => {
  try {
    await promise;
  } catch (error) {
    if (!words.test(error.message)) throw new Error(`refused with: ${error.message}`);
    return;
  }
  throw new Error(`not refused: ${words}`);
};

const checks = {
  "a list and its count agree": async () => {
    const rows = await all(cards);
    equal(rows.length > 100, true, "rows");
    equal(await cards.count(), rows.length, "count");
    const keys = rows.map((row) => row.No);
    equal(keys, [...new Set(keys)].sort(), "keys");
    for (const row of rows) {
      equal(row.__metadata.type, "NAV.CustomerCard", "type");
      equal(typeof row.Credit_Limit_LCY, "string", "a decimal");
      day(row.Last_Date_Modified);
    }
  },
  "a record stands at its own address": async () => {
    const [first] = await cards.query(client.newOptions().top(1));
    equal(await cards.retrieve(first.No), first, "by key");
    const set = client.getEntitySet(COMPANY + "ShiptoAddress");
    const [address] = await set.query(client.newOptions().top(1));
    const key = { Customer_No: `${address.Customer_No}`, Code: `${address.Code}` };
    equal(await set.retrieve(key), address, "by a key of two fields");
  },
  "filters find what a scan finds": async () => {
    const rows = await all(cards);
    const some = rows[rows.length >> 1];
    for (const [field, literal, holds] of [
      ["City", some.City, (row) => row.City === some.City],
      ["Last_Date_Modified", `datetime'${day(some.Last_Date_Modified)}T00:00:00'`,
        (row) => row.Last_Date_Modified === some.Last_Date_Modified],
      ["Combine_Shipments", true, (row) => row.Combine_Shipments],
    ]) {
      const found = await all(cards, () => client.newOptions().filter(client.newFilter().property(field).eq(literal)));
      equal(found.map((row) => row.No), rows.filter(holds).map((row) => row.No), field);
    }
    const picked = await cards.query(client.newOptions().select(["No", "Name"]).orderby("Name", "desc").top(3));
    equal(Object.keys(picked[0]).filter((name) => name !== "__metadata"), ["No", "Name"], "selected");
  },
  "a record is made, changed under its tag, and deleted": async () => {
    const made = await cards.create({ Name: "Prüfstand & Söhne", Post_Code: "50667", Credit_Limit_LCY: "12.50" });
    equal([made.City, made.Credit_Limit_LCY], ["Köln", "12.5"], "made");
    const under = (tag) => open({ "If-Match": tag }).getEntitySet(COMPANY + "CustomerCard");
    const { etag } = made.__metadata;
    await under(etag).update(made.No, { Phone_No: "1" });
    const changed = await cards.retrieve(made.No);
    equal(changed.Phone_No, "1", "changed");
    equal(changed.__metadata.etag !== etag, true, "the tag is another");
    await refused(under(etag).update(made.No, { Phone_No: "2" }), /Another user has already changed/);
    await refused(cards.update(made.No, { Phone_No: "2" }), /concurrency token/);
    await under(changed.__metadata.etag).delete(made.No);
    await refused(cards.retrieve(made.No), /Resource not found/);
  },
  "refusals are those of NAV": async () => {
    await refused(cards.create({ Name: "x".repeat(51) }), /The length of the string is 51/);
    await refused(cards.query(client.newOptions().filter("Name eq 'a' or City eq 'b'")), /'OR' operator/);
    await refused(client.getEntitySet(COMPANY + "Custmer").query(), /segment 'Custmer'/);
  },
};

let passed = 0, failed = 0;
for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
    passed += 1;
  } catch (error) {
    failed += 1;
    console.log(`FAILED: ${name}\n  ${error.message}`);
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
