// server/worker_figures.h: the figures of the core on one worker.
//
// Thread: the worker's.
#pragma once

namespace starling::server {

class Figures;
class Worker;

void add_worker_figures(Worker& worker, Figures& figures);
// Of the features of the server, on this worker.
void add_feature_figures(Worker& worker, Figures& figures);

}  // namespace starling::server
