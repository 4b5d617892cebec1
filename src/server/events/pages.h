// server/events/pages.h: a page for browsers that open the URL of a WebSocket endpoint of server
// events: a form to try the endpoint. The page has one language, no further files and no styles; an
// application sets its own pages in Options::client_page and Options::server_page.
#pragma once

#include <starling/http.h>

namespace starling::server {

void client_event_page(const http::Request& request, http::Response& response);
void server_event_page(const http::Request& request, http::Response& response);

}  // namespace starling::server
