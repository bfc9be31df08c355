// Writes tc_strings.json: consent strings of the official encoder, with what went into them.
// npm install @iabtcf/core@1.5.6, then: node tc_strings.mjs > tc_strings.json
import { PurposeRestriction, Segment, SegmentEncoder, TCModel } from '@iabtcf/core';

// A generator with a fixed seed, so that the file is the same each time (mulberry32).
let seed = 7;
function chance() {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}
const some = (of, share) => of.filter(() => chance() < share);
const upTo = (n) => Array.from({ length: n }, (_, index) => index + 1);

const cases = [];
for (let round = 0; round < 90; round += 1) {
  const model = new TCModel();
  model.cmpId = 31;
  model.cmpVersion = 3;
  model.isServiceSpecific = chance() < 0.8;
  model.purposeOneTreatment = chance() < 0.2;
  model.policyVersion = 2 + Math.floor(chance() * 4);
  model.publisherCountryCode = 'DE';
  const purposes = some(upTo(11), chance());
  model.purposeConsents.set(purposes);
  model.purposeLegitimateInterests.set(some(upTo(11), 0.3));
  // A few vendors far apart are written as ranges, many close together as flags.
  const known = round % 2 ? upTo(60 + Math.floor(chance() * 300)) : some(upTo(1200), 0.01);
  const consented = new Set(some(known, chance()));
  const disclosed = new Set(some(known, chance()));
  model.vendorConsents.set([...consented]);
  model.vendorLegitimateInterests.set(some(known, 0.2));
  model.vendorsDisclosed.set([...disclosed]);
  const publisher = some(upTo(11), chance());
  model.publisherConsents.set(publisher);
  model.publisherLegitimateInterests.set(some(upTo(11), 0.3));
  if (chance() < 0.3) model.numCustomPurposes = 3;

  const restricted = new Map();
  if (chance() < 0.7) {
    for (const purposeId of some([2, 5, 6, 7, 8, 9, 10], 0.5)) {
      for (const vendor of some(known, 0.3)) {
        const kind = Math.floor(chance() * 3);
        model.publisherRestrictions.add(vendor, new PurposeRestriction(purposeId, kind));
        if (kind !== 1) restricted.set(vendor, [...(restricted.get(vendor) ?? []), purposeId]);
      }
    }
  }
  // Ranges of restrictions may run over numbers that no vendor has: here every number has one.
  model.publisherRestrictions.gvl_ = { vendorIds: new Set(upTo(1200)) };
  const segments = [Segment.CORE];
  const tellsDisclosed = chance() < 0.6;
  const hasPublisher = chance() < 0.6;
  if (tellsDisclosed) segments.push(Segment.VENDORS_DISCLOSED);
  if (hasPublisher) segments.push(Segment.PUBLISHER_TC);
  // Not TCString.encode, which wants a vendor list and drops what is not on it.
  model.version = 2;
  const string = segments.map((segment) => SegmentEncoder.encode(model, segment)).join('.');
  const about = (vendor) => ({
    vendor, consented: consented.has(vendor), disclosed: tellsDisclosed ? disclosed.has(vendor) : null,
    restricted: restricted.get(vendor) ?? [],
  });
  const asked = [null, known[0], known[known.length >> 1], known[known.length - 1], 65000];
  cases.push({
    string, policy: Number(model.policyVersion), service_specific: model.isServiceSpecific,
    purpose_one_treatment: model.purposeOneTreatment, purposes, publisher: hasPublisher ? publisher : [],
    vendors: asked.filter((vendor) => vendor !== undefined).map(about),
  });
}
console.log(`[\n${cases.map((each) => JSON.stringify(each)).join(',\n')}\n]`);
