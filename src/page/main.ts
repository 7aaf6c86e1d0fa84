import { ChatClient } from "../client/client.ts";
import { openSocketOrHttp } from "../client/http/fallback.ts";
import { openStandardSocket } from "../client/ports.ts";
import { SendRefused } from "../client/room/outgoing.ts";
import { isRoom } from "../protocol/ids.ts";
import { ConnectionLine } from "./connection/connection-line.ts";
import { Notices } from "./connection/notices.ts";
import { staleDocument } from "./connection/stale-document.ts";
import { byId } from "./element.ts";
import { watchDay } from "./messages/day-watch.ts";
import { MessageList } from "./messages/message-list.ts";
import { Scroll } from "./messages/scroll.ts";
import { Panel } from "./panel.ts";
import { offerCopyLink } from "./room/copy-link.ts";
import { PeoplePanel } from "./room/people-panel.ts";
import { nearestRoom, noRoomText, socketUrl } from "./room/places.ts";
import { roomLookup } from "./room/room-lookup.ts";
import { RoomNav } from "./room/room-nav.ts";
import { RoomSwitch } from "./room/room-switch.ts";
import { Announcer } from "./unread/announcer.ts";
import { MentionNotice } from "./unread/mention-notice.ts";
import { ReadState } from "./unread/read-state.ts";
import { Reading } from "./unread/reading.ts";
import { UnreadPill } from "./unread/unread-pill.ts";
import { OwnName } from "./user/own-name.ts";
import { Preferences } from "./user/preferences.ts";
import { siteToken } from "./user/site-token.ts";
import { Composer } from "./writing/composer.ts";
import { refusalText } from "./writing/send-text.ts";
import { SharedDraft } from "./writing/shared-draft.ts";
import { typeAnywhere } from "./writing/type-anywhere.ts";
import { keepUnsent, restUnsent, takeBackUnsent, wakeUnsent } from "./writing/unsent-here.ts";

/** The room to open if neither the link, the server nor an earlier visit names one. */
const LAST_RESORT = "lobby";

const preferences = new Preferences();
/** The path at which the site gives its users' tokens; undefined = the user is a guest. */
const tokenUrl = written("token-url") || undefined;
/** Whether the site gives its users' names. */
const isNameFixed = tokenUrl !== undefined || written("fixed-name") === "true";
const getToken = tokenUrl === undefined ? undefined : siteToken(tokenUrl);
const client = new ChatClient({
  url: socketUrl(location),
  openSocket: openSocketOrHttp({
    openSocket: openStandardSocket,
    fetch: (input, init) => fetch(input, init),
    load: () => import("../client/http-instead.ts"),
  }),
  ...(getToken !== undefined && { getToken }),
  ...(!isNameFixed && preferences.name !== "" && { handle: preferences.name }),
});
const self = () => client.self;

const text = byId("text", HTMLTextAreaElement);
const composerForm = byId("composer", HTMLFormElement);
const ownNameShown = byId("own-name", HTMLElement);
const notices = new Notices(byId("notices", HTMLElement));
const roomsPanel = new Panel(byId("rooms-button", HTMLButtonElement), byId("rooms", HTMLElement));
new Panel(byId("people-button", HTMLButtonElement), byId("people", HTMLElement));

const scroller = byId("scroller", HTMLElement);
const scroll = new Scroll({
  scroller,
  content: byId("messages", HTMLElement),
  newest: byId("newest", HTMLButtonElement),
  isAtEnd: () => list.isAtEnd,
  nearTop: () => rooms.view?.nearTop(),
  nearBottom: () => rooms.view?.nearBottom(),
  showNewest: () => list.toNewest(),
  pinnedChanged: () => reading.look(),
  moved: () => reading.moved(),
});
const list = new MessageList(byId("messages", HTMLOListElement), {
  self,
  isPinned: () => scroll.isPinned,
  loadGap: (id) => void rooms.view?.loadOlder(id),
  resize: (change) => scroll.keepReading(change),
  // The button is removed together with its row; the focus stays in the list.
  retry: (key) => {
    rooms.current?.retry(key);
    scroller.focus({ preventScroll: true });
  },
  edit: (item) => {
    rooms.current?.discard(item.key);
    composer.takeBack(item.text);
    text.focus();
  },
  discard: (key) => {
    rooms.current?.discard(key);
    scroller.focus({ preventScroll: true });
  },
});
const composer = new Composer({
  form: composerForm,
  field: text,
  counter: byId("counter", HTMLElement),
  error: byId("composer-error", HTMLElement),
  send: byId("send", HTMLButtonElement),
  limit: () => client.textLength,
  submit: (message) => {
    const room = rooms.current;
    if (room === undefined) return undefined;
    try {
      room.send(message);
    } catch (error) {
      if (!(error instanceof SendRefused)) throw error;
      return refusalText(error.message, { textLength: client.textLength, refusal: room.refusal });
    }
    reading.sent();
    scroll.toNewest();
    return undefined;
  },
  typing: (on) => rooms.current?.typing(on),
  edited: (text) => draft.edited(text),
});
const draft = new SharedDraft(composer);
const readState = new ReadState((room) => {
  if (client.rooms.some((each) => each.name === room)) rooms.showUnread();
});
const reading = new Reading({
  readState,
  selfId: () => client.self?.id,
  isWatching: () => document.hasFocus() && document.visibilityState === "visible",
  isPinned: () => scroll.isPinned,
  linePlace: () => {
    const { line } = list;
    if (line instanceof Element) return scroll.placeOf(line);
    return line && (line === "before" ? "above" : "below");
  },
  lineMoved: (id, text) => scroll.keepPlace(() => list.markUnread(id, text)),
  aboveChanged: (above) => unreadPill.show(above),
  readOn: () => rooms.showUnread(),
});
const unreadPill = new UnreadPill(byId("unread-pill", HTMLButtonElement), async () => {
  // The button is removed together with its row; the focus stays in the list.
  scroller.focus({ preventScroll: true });
  await rooms.view?.toUnread();
});
const mentionNotice = new MentionNotice({ readState, self, open: (room) => rooms.open(room) });
mentionNotice.offer(byId("notify", HTMLButtonElement));
for (const name of ["focus", "blur"]) addEventListener(name, () => reading.look());
const nav = new RoomNav({
  list: byId("room-list", HTMLElement),
  elsewhere: byId("rooms-unread", HTMLElement),
  form: byId("room-form", HTMLFormElement),
  field: byId("room-name", HTMLInputElement),
  error: byId("room-error", HTMLElement),
  open: (room) => rooms.open(room),
});
const people = new PeoplePanel({
  list: byId("people-list", HTMLElement),
  title: byId("people-title", HTMLElement),
  counts: [byId("people-count", HTMLElement), byId("people-button-count", HTMLElement)],
  more: byId("people-more", HTMLElement),
  self,
});
const rooms = new RoomSwitch({
  client,
  lookup: roomLookup(getToken),
  preferences,
  nav,
  readState,
  draft,
  title: byId("room-title", HTMLElement),
  opened: () => {
    // The composer is inert until a room is shown.
    composerForm.inert = false;
    // Finding the room takes a while; the user may have begun to write the name of another one.
    if (nav.isWritten) return;
    roomsPanel.close();
    // At the start the user may have put the focus elsewhere already.
    if (rooms.current !== undefined || document.activeElement === document.body) ownName.focus();
  },
  misnamed: (written) => {
    const nearest = nearestRoom(written);
    const offer =
      nearest === undefined ? undefined : { label: `Open #${nearest}`, accept: () => rooms.open(nearest) };
    notices.add(noRoomText(written), offer);
  },
  joined: (room) => {
    keepUnsent(room);
    mentionNotice.watch(room);
  },
  view: {
    list,
    scroll,
    people,
    ownName: ownNameShown,
    askedName: () => (isNameFixed ? (client.self?.handle ?? "") : preferences.name),
    announcer: new Announcer(byId("announcer", HTMLElement)),
    head: byId("list-head", HTMLElement),
    typingLine: byId("typing-line", HTMLElement),
    selfId: () => client.self?.id,
    reading,
  },
});
const connectionLine = new ConnectionLine({
  shown: (isShown) => people.setStale(isShown),
  line: byId("connection-line", HTMLElement),
  text: byId("connection-text", HTMLElement),
  countdown: byId("connection-countdown", HTMLElement),
  retry: byId("retry-now", HTMLButtonElement),
  // After a fatal close a press of the button is a new start.
  retryNow: () => (client.connection.name === "closed" ? client.start() : client.retryNow()),
  probe: (answered) => client.probe(answered),
});
const ownName = new OwnName({
  preferences,
  isFixed: isNameFixed,
  form: byId("name-form", HTMLFormElement),
  field: byId("name", HTMLInputElement),
  error: byId("name-error", HTMLElement),
  submit: byId("save-name", HTMLButtonElement),
  cancel: byId("keep-name", HTMLButtonElement),
  change: byId("change-name", HTMLButtonElement),
  shown: ownNameShown,
  composer: composerForm,
  text,
  changed: (name) => client.setHandle(name),
});
preferences.follow(
  () => ownName.followed(),
  () => rooms.joinKnown(),
);
typeAnywhere(() => ownName.field);
watchDay(() => scroll.keepPlace(() => list.renewTimes()));
offerCopyLink(byId("copy-link", HTMLButtonElement), () => rooms.current?.name ?? LAST_RESORT);
client.on("connection", (state) => {
  connectionLine.connectionChanged(state);
  // How many rooms the server allows is known now.
  if (state.name === "live") rooms.joinKnown();
});
client.on("status", ({ live, room }) => {
  if (room === undefined || room === rooms.current?.name) connectionLine.statusChanged(live);
});
client.on("notice", (notice) => notices.add(notice.text));
client.on("self", () => rooms.view?.redraw());
client.on("handle-refused", (sentence) => ownName.refused(sentence));

// A browser does not keep a page with an open socket in its back-forward cache.
addEventListener("pagehide", () => {
  client.stop();
  restUnsent();
});
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  wakeUnsent();
  client.start();
});
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") client.probe();
  reading.look();
});

/** Returns what the server wrote into a tag of the document; undefined if the document has no such tag. */
function written(name: string): string | undefined {
  return document.querySelector<HTMLMetaElement>(`meta[name="${name}"]`)?.content;
}

/**
 * Returns the room of a page whose address names none; undefined if the document lacks what is needed here.
 */
function defaultRoom(): string | undefined {
  const room = written("default-room");
  return room !== undefined && isRoom(room) && written("token-url") !== undefined ? room : undefined;
}

async function start(): Promise<void> {
  const room = defaultRoom();
  if (room === undefined) staleDocument.begin();
  else staleDocument.reset();
  rooms.begin(room ?? LAST_RESORT);
  // Before the first join, so that a message that was stored after all is recognised in the history.
  await takeBackUnsent((room) => rooms.join(room));
  client.start();
}

void start();
