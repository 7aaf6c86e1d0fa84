import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { claimedId, Publications, publicationOf } from "../../../src/store/redis/messages/publications.ts";

const FRAME = Buffer.from(
  '{"id":"12-3","prev":"0-0","type":"message","room":"lobby","user":"u","handle":"h","text":"é"}',
);

function fixture() {
  const publications = new Publications("key");
  return { publications, publication: publicationOf(FRAME, publications.secret) };
}

describe("a publication", () => {
  it("with the store's tag is the frame without it, in the same memory", () => {
    const { publications, publication } = fixture();
    const frame = publications.verify(publication);
    expect(frame?.toString()).toBe(FRAME.toString());
    expect(frame?.buffer).toBe(publication.buffer);
    expect(publication.includes(publications.secret)).toBe(false);
  });

  it("is refused where any byte of it was changed, or the end is missing", () => {
    const { publications, publication } = fixture();
    for (let at = 0; at < publication.length; at += 1) {
      const changed = Buffer.from(publication);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(publications.verify(changed), `byte ${at}`).toBeUndefined();
      expect(publications.verify(publication.subarray(0, at)), `${at} bytes`).toBeUndefined();
    }
  });

  it("is refused if another store signed it, or none", () => {
    const { publications } = fixture();
    const other = publicationOf(FRAME, new Publications("key").secret);
    expect(publications.verify(other)).toBeUndefined();
    expect(claimedId(other)).toBe("12-3");
    expect(publications.verify(Buffer.from(FRAME))).toBeUndefined();
  });

  it("may be any bytes: none is accepted, none throws", () => {
    const { publications } = fixture();
    const begun = fc.constantFrom('{"id":"', '{"id":"1-1","prev":"', '{"id":"1-1","prev":"0-0","tag":"', "");
    fc.assert(
      fc.property(begun, fc.uint8Array({ maxLength: 60 }), (start, rest) => {
        const bytes = Buffer.concat([Buffer.from(start), rest]);
        expect(publications.verify(bytes)).toBeUndefined();
        claimedId(bytes);
      }),
    );
  });

  it("claims an id only where it has one", () => {
    expect(claimedId(FRAME)).toBe("12-3");
    expect(claimedId(Buffer.from('{"id":"12"'))).toBeUndefined();
    expect(claimedId(Buffer.from('{"id":"'))).toBeUndefined();
    expect(claimedId(Buffer.from(`{"id":"${"1".repeat(1_000)}-1"`))).toBeUndefined();
  });
});

describe("the publication of an access rule", () => {
  const CHANGE = '{"subject":"ann","right":"none","by":"m","reason":"},\\"tag\\":\\"x"}';
  const [HEAD, BODY] = ['{"id":"12-3","prev":"0-0",', '"type":"access","room":"lobby"}'];

  /** As access.lua makes it. */
  function signed(secret: string, change = CHANGE, tag?: string): Buffer {
    const members = `${HEAD}"access":${change},`;
    const own = createHash("sha1").update(`${secret}${members}${BODY}`).digest("hex").slice(0, 16);
    return Buffer.from(`${members}"tag":"${tag ?? own}",${BODY}`);
  }

  it("is the frame, without the change, and the change", () => {
    const { publications } = fixture();
    const verified = publications.verifyAccess(signed(publications.secret));
    expect(verified?.frame.toString()).toBe(HEAD + BODY);
    expect(verified?.access).toMatchObject({ subject: "ann", right: "none", reason: '},"tag":"x' });
  });

  it("is refused where any byte of it was changed, or another store signed it", () => {
    const { publications } = fixture();
    const publication = signed(publications.secret);
    for (let at = 0; at < publication.length; at += 1) {
      const changed = Buffer.from(publication);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(publications.verifyAccess(changed), `byte ${at}`).toBeUndefined();
      expect(publications.verifyAccess(publication.subarray(0, at))).toBeUndefined();
    }
    expect(publications.verifyAccess(signed(new Publications("key").secret))).toBeUndefined();
    expect(publications.verifyAccess(publicationOf(FRAME, publications.secret))).toBeUndefined();
  });

  it("is refused if its change is none, or too long", () => {
    const { publications } = fixture();
    for (const change of ["{}", '{"subject":"ann","by":"m","right":"all"}', `{"x":"${"x".repeat(9_000)}"}`])
      expect(publications.verifyAccess(signed(publications.secret, change))).toBeUndefined();
  });
});
