// server/gateway/listing.h: the list of connections, collected from all workers, in a cluster from all
// nodes, and sent in pieces, so that a list of 100,000 stalls nobody.
//
// Thread: the worker's that got the request; collecting runs on each worker's.
#pragma once

#include <starling/http.h>

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "webhook/list.h"
#include "webhook/relay.h"

namespace starling::server {

class Gateway;
class GatewayPart;

// The error is the text of the answer: "limit: 1 to 1000000 is wanted".
[[nodiscard]] base::Result<webhook::ListQuery> read_list_query(std::string_view query_string);

// Answers with the list, now or later. The status and the fields of the reply's response must be
// set.
void start_listing(Gateway& gateway, GatewayPart& here, webhook::ListQuery query,
                   http::Reply reply);

// The next connections of this node, for another one. `answer` gets an encoded webhook::Page once, on
// a worker's thread; webhook::relay_refusal if a worker was not reached.
void collect_page(Gateway& gateway, webhook::PageRequest request,
                  std::function<void(std::string)> answer);

}  // namespace starling::server
