/** The menus: what to make, and by which processor. */
import { type Entry, titlesOf } from "../jobs/catalog";
import { keyOf, labelOf, type Way } from "../jobs/ways";
import { byId, make } from "./dom";

const AUTOMATIC = "auto";

export class Menus {
  private readonly model = byId("model", HTMLSelectElement);
  private readonly processor = byId("processor", HTMLSelectElement);
  private entries: readonly Entry[] = [];
  private ways: readonly Way[] = [];

  constructor(onModel: () => void, onProcessor: () => void) {
    this.model.addEventListener("change", onModel);
    this.processor.addEventListener("change", onProcessor);
  }

  /** Offer models, the first of them chosen. */
  offer(entries: readonly Entry[]): void {
    this.entries = entries;
    const titles = titlesOf(entries);
    this.model.replaceChildren(
      ...entries.map(({ file }, at) =>
        make("option", { text: titles[at]!, attributes: { value: file } }),
      ),
    );
  }

  /** Offer ways of computing; those that this browser has not are named, and cannot be chosen. */
  offerWays(ways: readonly Way[], missing: readonly string[]): void {
    const kept = this.processor.value;
    this.ways = ways;
    this.processor.replaceChildren(
      make("option", { text: "Fastest that passes", attributes: { value: AUTOMATIC } }),
      ...ways.map((way) =>
        make("option", { text: labelOf(way), attributes: { value: keyOf(way) } }),
      ),
      ...missing.map((text) => make("option", { text, attributes: { disabled: "" } })),
    );
    this.processor.value = ways.some((way) => keyOf(way) === kept) ? kept : AUTOMATIC;
  }

  /** The model that is chosen. */
  get entry(): Entry | undefined {
    return this.entries.find(({ file }) => file === this.model.value);
  }

  /** The way that is asked for; nothing for the fastest that passes. */
  get way(): Way | undefined {
    return this.ways.find((way) => keyOf(way) === this.processor.value);
  }

  lock(isLocked: boolean): void {
    this.model.disabled = this.processor.disabled = isLocked;
  }
}
