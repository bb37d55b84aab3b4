// What a worker can be.  Each role gets the payload of KK_FRAME_START, confines the process, serves
// its host, and returns when it is done.
#ifndef KK_WORKER_ROLE_H
#define KK_WORKER_ROLE_H

#include "str.h"

// Loads one plugin, asks it for its manifest, and sends that or the reason why not.
void role_describe(kk_str start);

// Runs scripts, one after the other, in one Lua state.
void role_lua(kk_str start);

#endif
