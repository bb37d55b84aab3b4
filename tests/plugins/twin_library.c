// A static library that hides nothing, as many are: every plugin that links it has its own.
int twin_library_count(void);

int twin_library_counter;

int twin_library_count(void)
{
    return ++twin_library_counter;
}
