import { describe, expect, it } from "vitest";
import { checked, limitsOf, type Picture } from "../../src/pictures/intake";
import { named } from "../../src/pictures/transfer";
import { type GivenFile, hugePng, pdf } from "../pictures";

const BURST = { kind: "burst", scale: 2 } as const;
const SINGLE = { kind: "single", scale: 4 } as const;
const LIMITS = limitsOf(8);

const picture = ({ name, buffer }: GivenFile): Picture => ({
  name,
  file: new Blob([new Uint8Array(buffer)]),
});
const frames = (count: number, width = 400, height = 300): readonly Picture[] =>
  Array.from({ length: count }, (_, index) => picture(hugePng(`${index + 1}.png`, width, height)));

describe("what is taken", () => {
  it("takes a burst and one picture", async () => {
    expect(await checked(frames(10), BURST, LIMITS)).toMatchObject({
      width: 400,
      height: 300,
      note: "",
    });
    expect((await checked(frames(1), SINGLE, LIMITS)).note).toBe("");
  });

  it("says that one frame has nothing to merge with", async () => {
    expect((await checked(frames(1), BURST, LIMITS)).note).toContain("One frame alone");
  });

  it.each<[string, readonly Picture[], typeof BURST | typeof SINGLE, string]>([
    ["nothing", [], BURST, "nothing to work on"],
    ["60 frames", frames(60), BURST, "60 frames are too many; give at most 48"],
    ["a burst for one", frames(2), SINGLE, "takes one picture, not 2"],
    [
      "other sizes",
      [...frames(2), ...frames(1, 300, 400)],
      BURST,
      "1.png has 300×400 px, 1.png 400×300",
    ],
    ["a PDF", [...frames(1), picture(pdf("photo.jpg"))], BURST, "photo.jpg: is a PDF"],
    [
      "108 megapixels",
      frames(2, 12000, 9000),
      BURST,
      "1.png has 108 megapixels; give pictures of at most 50",
    ],
    ["a speck", frames(2, 31, 400), BURST, "give at least 32×32"],
    [
      "more than fits",
      frames(40, 6000, 5000),
      BURST,
      "MB, more than is safe on this device; give at most",
    ],
    ["one that does not fit", frames(1, 7000, 7000), SINGLE, "this picture needs"],
  ])("refuses %s", async (_, pictures, purpose, line) => {
    await expect(checked(pictures, purpose, LIMITS)).rejects.toThrow(line);
  });

  it("advises a number of frames that is then taken", async () => {
    const refusal: unknown = await checked(frames(40, 6000, 5000), BURST, LIMITS).catch(
      (error: unknown) => error,
    );
    const most = Number(/at most (\d+)/.exec(String(refusal))![1]);
    expect((await checked(frames(most, 6000, 5000), BURST, LIMITS)).pictures).toHaveLength(most);
    await expect(checked(frames(most + 1, 6000, 5000), BURST, LIMITS)).rejects.toThrow(
      "more than is safe",
    );
  });

  it("takes a phone's burst of ten with 12 megapixels where there are 4 GB, or none are said", async () => {
    for (const memory of [4, undefined]) {
      expect(
        (await checked(frames(10, 4000, 3000), BURST, limitsOf(memory))).pictures,
      ).toHaveLength(10);
    }
  });

  it("orders files as cameras count", () => {
    const files = ["b10.jpg", "b9.jpg", "b1.jpg"].map((name) => new File([], name));
    expect(named(files).map(({ name }) => name)).toEqual(["b1.jpg", "b9.jpg", "b10.jpg"]);
  });
});
