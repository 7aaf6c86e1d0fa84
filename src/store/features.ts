/** Access rules: a release without them would send a room to users who may not read it any more. */
export const ACCESS_FEATURE = "access";

/** Rules for all rooms: a release that knows only those of a room would let banned users in. */
export const GLOBAL_ACCESS_FEATURE = "global-access";

/**
 * The features of this release that stored data may need: what a release without them would show, keep or accept although it must
 * not. The first act that makes such data makes the store need the feature (`MessageStore.require`), and no release without it serves
 * that store from then on. Names: `[a-z-]+`, never used again for anything else.
 */
export const FEATURES: readonly string[] = [ACCESS_FEATURE, GLOBAL_ACCESS_FEATURE];
