// server/admin/process_figures.h: what the kernel and the allocator say about this process. The
// names are those of all client libraries of Prometheus.
//
// Thread: any.
#pragma once

#include "server/figures.h"

namespace starling::server {

void add_process_figures(Figures& figures);
// The allocator locks its arenas one after another while it counts: rarely.
void add_allocator_figures(Figures& figures);

}  // namespace starling::server
