// server/history/scripts.h: how a channel's history lies in Redis, and the two scripts that write and
// read it. Each script is one atomic step.
//
// A channel has two keys with the same hash tag, so that they are on the same node of a Redis
// Cluster:
// - a stream, `<prefix>history:{<channel>}`. The id of an entry is "<offset>-0". Its fields are `t`, the
//   time of Redis in milliseconds; `i`, the sender and the number of the publication; `d`, the text.
// - a hash, `<prefix>history:{<channel>}:state`: `r`, the run id of the Redis server that wrote last;
//   `e`, the epoch; `o`, the newest offset; `b`, the newest offset before the epoch began; `a`, the
//   age in milliseconds after which an entry is dropped; `s:<sender>`, the sender's newest number
//   and when it was, as "number:ms". A sender that has published nothing for ten minutes is forgotten
//   when a new one comes: nothing is sent again so late.
//   It lives for an hour more than the entries, and as long as a node listens to the channel.
//
// The run id is that of the process. A server that started again may have lost its newest entries, and
// a replica that became the master may never have had them. Their offsets are given again then, so a
// new epoch begins. What is left is listed with the new epoch, and nobody who has an offset of the
// earlier one is told that nothing is missing.
//
// Pure constants. Thread: any.
#pragma once

#include <string>
#include <string_view>

namespace starling::server {

struct HistoryKeys {
    std::string stream, state;
};
// In the channel's name, "%" and braces are escaped as in a URL: the braces of the tag stay the only
// ones, whatever the name is.
[[nodiscard]] HistoryKeys history_keys(std::string_view prefix, std::string_view channel);

// KEYS: stream, state. ARGV: an epoch that no history had, messages, age in ms, sender, then a number
// and a text for each publication. Returns the epoch and an offset for each publication.
[[nodiscard]] std::string append_script();
// KEYS: stream, state. ARGV: an epoch that no history had, epoch and offset of `since` (two empty
// texts: none), limit, bytes. Returns the epoch, the newest offset, `b`, the oldest offset that is kept,
// then an offset and a text for each publication.
[[nodiscard]] std::string read_script();

}  // namespace starling::server
