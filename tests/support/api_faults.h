// Every way in which the model of PlanetScale's API fails on request.
#ifndef KK_TEST_API_FAULTS_H
#define KK_TEST_API_FAULTS_H

#include "http_server.h"

// The body of every 401.
#define API_UNAUTHORIZED                                                                           \
    "{\"code\":\"unauthorized\",\"message\":\"The token is missing or not valid\"}"

// Fills [answer] if [organization] is one of the names that begin with fault-, else leaves it and
// gives false.
bool api_fault_answer(const char *organization, http_answer *answer);

#endif
