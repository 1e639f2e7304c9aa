/** Which frame is the reference, how the others lie on it, and which are left out. */
import { aligned, type Found } from "./align/motion.js";
import { prepared } from "./align/reference.js";
import { type Burst, matricesOf, sharpestOf, shownIn } from "./burst.js";
import { Frame, lumaPlane, type Plane } from "./frame.js";
import { type Exposure, exposureOf, stopsApart, stopsDarker } from "./photometry/exposure.js";
import { differs, factorOf, type Light, lightOf, rowGains } from "./photometry/light.js";

export const COPY = "is a copy of ";

/** Chooses the reference and aligns; frames that are exposed quite otherwise are left out. */
export async function ofCommonExposure(burst: Burst): Promise<Burst> {
  const exposures = burst.frames.map((frame) => exposureOf(burst.stages, frame));
  const common = commonExposure(burst, exposures);
  const lit = await inOneLight({ ...burst, reference: common }, false);
  const far = farExposures(lit, exposures);
  if (!far.has(common) || 2 * far.size <= matricesOf(lit).size) return without(lit, far);
  // Brightened to one light, the noise of a dark frame counts as sharpness.
  const held = await inOneLight({ ...burst, reference: common }, true);
  return without(held, farExposures(held, exposures));
}

/** The same with some of the frames left out that may contribute. */
export function without(burst: Burst, reasons: ReadonlyMap<number, string>): Burst {
  const found = [...burst.found].map(([index, each]) => {
    return [index, { ...each, reason: each.reason || (reasons.get(index) ?? "") }] as const;
  });
  return { ...burst, found: new Map(found) };
}

/** The sharpest frame, or where most are exposed otherwise, of those that most are like. */
function commonExposure(burst: Burst, exposures: readonly Exposure[]): number {
  const { MOST_STOPS } = burst.stages.table("burst.photometry.exposure");
  const shown = [...shownIn(burst)];
  const near = shown.map((one) => {
    const like = shown.filter((other) => {
      return stopsApart(burst.stages, exposures[other], exposures[one]) < MOST_STOPS;
    });
    return like.length - 1;
  });
  const sharpest = burst.scores.indexOf(Math.max(...burst.scores));
  const most = shown.length - 1;
  if (shown.length < 3 || 2 * near[shown.indexOf(sharpest)] >= most) return sharpest;
  const common = shown.filter((_, at) => near[at] === Math.max(...near));
  return sharpestOf(burst.scores, common);
}

/** Frames whose exposure is too far from the reference's, each with the reason. */
function farExposures(burst: Burst, exposures: readonly Exposure[]): ReadonlyMap<number, string> {
  const table = burst.stages.table("burst.photometry.exposure");
  const apart = new Map<number, string>();
  for (const index of matricesOf(burst).keys()) {
    const light = burst.lights.get(index);
    const stops =
      light === undefined
        ? stopsDarker(burst.stages, exposures[index], exposures[burst.reference])
        : table.CURVE_POWER * Math.log2(factorOf(light));
    const far =
      light === undefined
        ? stops <= -table.MOST_STOPS
        : Math.abs(stops) >= table.MOST_STOPS - table.STOPS_ERROR;
    if (!far) continue;
    const how = stops < 0 ? "darker" : "brighter";
    const told = Math.abs(stops).toFixed(1);
    apart.set(index, `is exposed ${told} stops ${how} than the reference, too far apart to add`);
  }
  return apart;
}

/**
 * Aligns frames, and where their light differs, once more in the light of the reference.
 *
 * @param held whether the reference stays the one that it is.
 */
async function inOneLight(first: Burst, held: boolean): Promise<Burst> {
  let burst = await alignedMost(first, held);
  const lights = await lightsOf(burst);
  // A frame that is brighter has larger gradients, and is not sharper for that.
  const scores = burst.scores.map((score, index) => {
    const light = lights.get(index);
    return light === undefined ? score : score / factorOf(light) ** 2;
  });
  const best = sharpestOf(scores, [burst.reference, ...lights.keys()]);
  burst = { ...burst, scores, lights };
  if (best !== burst.reference && !held) {
    burst = await alignedMost({ ...burst, reference: best }, held);
    burst = { ...burst, lights: await lightsOf(burst) };
  }
  if (burst.lights.size === 0) return burst;
  const lit = { ...burst, frames: evened(burst) };
  // A copy has no light of its own, and no longer shows what its evened original does.
  const copies = [...burst.found].filter(([, each]) => each.reason.startsWith(COPY));
  const reasons = new Map(copies.map(([index, each]) => [index, each.reason]));
  return without({ ...lit, found: await alignedAll(lit) }, reasons);
}

/** All frames in the light of the reference. */
function evened(burst: Burst): readonly Frame[] {
  const matrices = matricesOf(burst);
  return burst.frames.map((frame, index) => {
    const [light, matrix] = [burst.lights.get(index), matrices.get(index)];
    if (light === undefined || matrix === undefined) return frame;
    const picture = { width: frame.width, height: frame.height, data: frame.rgb };
    return new Frame(picture, rowGains(burst.stages, light, matrix, frame.height));
  });
}

/** The light of every frame that may contribute, where it differs from the reference's. */
async function lightsOf(burst: Burst): Promise<ReadonlyMap<number, Light>> {
  const lights = new Map<number, Light>();
  for (const [index, matrix] of matricesOf(burst)) {
    await burst.stages.pace.turn();
    const reference = burst.frames[burst.reference];
    const light = lightOf(burst.stages, reference, burst.frames[index], matrix);
    if (differs(light)) lights.set(index, light);
  }
  return lights;
}

/** Aligns to the reference, or to another where most frames show another scene. */
async function alignedMost(burst: Burst, held: boolean): Promise<Burst> {
  const shown = shownIn(burst);
  let best: Burst = { ...burst, found: await alignedAll(burst) };
  const others = new Set(shown);
  others.delete(best.reference);
  for (const index of matching(best)) others.delete(index);
  const tries = burst.stages.table("burst.driver.align").OTHER_REFERENCES;
  for (let turn = 0; turn < tries; turn++) {
    const matched = countOf(shown, matching(best));
    if (held || 2 * matched >= shown.size - 1 || others.size === 0) break;
    const reference = sharpestOf(burst.scores, [...others]);
    burst.stages.pace.tell("reference", turn + 1, tries, `trying frame ${reference}`);
    let other: Burst = { ...burst, reference };
    other = { ...other, found: await alignedAll(other) };
    others.delete(reference);
    for (const index of matching(other)) others.delete(index);
    if (countOf(shown, matching(other)) > matched) best = other;
  }
  return best;
}

function countOf(shown: ReadonlySet<number>, matched: ReadonlySet<number>): number {
  return [...matched].filter((index) => shown.has(index)).length;
}

/** Frames that show what the reference shows, copies of it included. */
function matching(burst: Burst): ReadonlySet<number> {
  const copies = [...burst.found].filter(([, each]) => each.reason.startsWith(COPY));
  return new Set([...copies.map(([index]) => index), ...matricesOf(burst).keys()]);
}

/** How all other frames lie on the reference. */
async function alignedAll(burst: Burst): Promise<ReadonlyMap<number, Found>> {
  const { stages, reference } = burst;
  const own = lumaPlane(burst.frames[reference]);
  const ready = await prepared(stages, own);
  const isFlat = own.data.every((value) => value === own.data[0]);
  const originals = new Map([[hashOf(own), [reference]]]);
  const found = new Map<number, Found>();
  for (const [index, frame] of burst.frames.entries()) {
    if (index === reference) continue;
    const luma = lumaPlane(frame);
    const each = await aligned(stages, ready, luma, burst.alone[reference]);
    const original = originalOf(burst, originals, index, luma);
    const copied = original !== undefined && !isFlat;
    const reason =
      copied && (each.reason === "" || original === reference)
        ? `${COPY}${original === reference ? "the reference" : `frame ${original}`}`
        : each.reason;
    found.set(index, { ...each, reason });
    stages.pace.tell("align", found.size, burst.frames.length - 1);
  }
  return found;
}

/** The first frame of the same luma, if there is one; else the frame becomes known itself. */
function originalOf(
  burst: Burst,
  known: Map<number, number[]>,
  index: number,
  luma: Plane,
): number | undefined {
  const hash = hashOf(luma);
  const alike = known.get(hash) ?? [];
  const original = alike.find((other) => {
    const { data } = lumaPlane(burst.frames[other]);
    return data.every((value, at) => value === luma.data[at]);
  });
  if (original === undefined) known.set(hash, [...alike, index]);
  return original;
}

/** A hash of 32 bits; who has the same may be the same. */
function hashOf(luma: Plane): number {
  const words = new Uint32Array(luma.data.buffer, luma.data.byteOffset, luma.data.length);
  let hash = 0x811c9dc5;
  for (let at = 0; at < words.length; at++) hash = Math.imul(hash ^ words[at], 0x01000193);
  return hash >>> 0;
}
