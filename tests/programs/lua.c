/* A Lua interpreter of the least kind: runs the script argv[1] with the rest as its `arg`. */
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    lua_State *state = luaL_newstate();
    luaL_openlibs(state);
    lua_newtable(state);
    for (int i = 2; i < argc; i++)
        lua_pushstring(state, argv[i]), lua_rawseti(state, -2, i - 1);
    lua_setglobal(state, "arg");
    if (luaL_dofile(state, argv[1])) {
        fprintf(stderr, "%s\n", lua_tostring(state, -1));
        return 1;
    }
    lua_close(state);
    return 0;
}
