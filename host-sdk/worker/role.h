// What a worker can be.  The limits of KK_FRAME_START hold already; each role enters its sandbox,
// serves its host, and returns when it is done.
#ifndef KK_WORKER_ROLE_H
#define KK_WORKER_ROLE_H

// Loads one plugin, asks it for its manifest, and sends that or the reason why not.
void role_describe(void);

// Runs scripts, one after the other, in one Lua state.
void role_lua(void);

#endif
