#include "cluster/decoding.h"

#include "base/text.h"
#include "socketio/codec/msgpack_values.h"

namespace starling::cluster {

std::optional<Json> read_body(std::string_view body, Arena& arena) {
    if (!body.starts_with('{'))
        return socketio::read_msgpack_value(base::bytes_of(body), arena,
                                            socketio::MsgpackFrom::node);
    arena.clear();
    return arena.read_json(body);
}

}  // namespace starling::cluster
