// The members of a room, as the server tells them: first a list, then changes of it.

export const nobody = { version: -1, count: 0, members: null };

// `online` with {version, count, set: [{id, name}], left: [id]}. A change that the list has already, and
// one that comes before the list, leaves it as it is.
export function changed(online, { version, count, set, left }) {
  if (!online.members || version <= online.version) return online;
  const members = new Map(online.members.map((member) => [member.id, member]));
  for (const member of set) members.set(member.id, member);
  for (const id of left) members.delete(id);
  return { version, count, members: [...members.values()] };
}
