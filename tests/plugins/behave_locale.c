// Changes the locale.
#include <locale.h>
#define OPEN setlocale(LC_ALL, "C.UTF-8");
#include "behave.h"
