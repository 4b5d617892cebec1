// server/events/pages.h: what a browser sees that opens the WebSocket endpoints of server events as
// pages: a place to try them. One language, no files, no style of its own: applications with pages
// set Options::client_page and Options::server_page.
#pragma once

#include <starling/http.h>

namespace starling::server {

void client_event_page(const http::Request& request, http::Response& response);
void server_event_page(const http::Request& request, http::Response& response);

}  // namespace starling::server
