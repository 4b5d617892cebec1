// app/connect/tls.h: the TLS settings of the connections, from the options.
#pragma once

#include <starling/client.h>

#include "app/connect/options.h"

namespace starling::app::connect {

[[nodiscard]] inline ClientTls client_tls(const Options& options) {
    return {.verify = options.verify,
            .ca_path = options.ca,
            .certificate = options.certificate,
            .key = options.key};
}

}  // namespace starling::app::connect
