// Exceptions in all places, iostream, containers, virtual functions, dynamic_cast, and exceptions beside fork.
#include <algorithm>
#include <any>
#include <bitset>
#include <complex>
#include <deque>
#include <exception>
#include <fstream>
#include <functional>
#include <iomanip>
#include <iostream>
#include <list>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <queue>
#include <regex>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <sys/wait.h>
#include <typeinfo>
#include <unistd.h>
#include <unordered_map>
#include <variant>
#include <vector>

using namespace std;

struct Guard {
    string name;
    explicit Guard(string n) : name(move(n)) { cout << "enter " << name << '\n'; }
    ~Guard() { cout << "leave " << name << (uncaught_exceptions() ? " while unwinding" : "") << '\n'; }
};

struct Odd : runtime_error {
    int number;
    explicit Odd(int n) : runtime_error("odd number " + to_string(n)), number(n) {}
};

static int descend(int depth)
{
    if (depth == 0)
        throw Odd(7);
    auto guard = make_unique<int>(depth);
    return descend(depth - 1) + *guard;
}

struct Member {
    int id;
    explicit Member(int i) : id(i) { if (i == 3) throw i; cout << "member " << i << '\n'; }
    ~Member() { cout << "~member " << id << '\n'; }
};

struct Whole {
    Guard guard{"whole"};
    Member a{1}, b{2}, c{3}, d{4};
};

struct Tried {
    Member member;
    explicit Tried(int i) try : member(i) {
    } catch (int n) {
        cout << "function try block " << n << '\n';
    }
};

static void nested(int level)
{
    try {
        if (level == 0)
            throw out_of_range("the innermost");
        nested(level - 1);
    } catch (...) {
        throw_with_nested(runtime_error("level " + to_string(level)));
    }
}

static void tell(const exception &e, int depth = 0)
{
    cout << string(depth, ' ') << e.what() << '\n';
    try {
        rethrow_if_nested(e);
    } catch (const exception &inner) {
        tell(inner, depth + 1);
    }
}

static void exceptions()
{
    try {
        Guard outer("outer");
        try {
            Guard inner("inner");
            descend(50);
        } catch (const logic_error &) {
            cout << "not this one\n";
        }
    } catch (const Odd &odd) {
        cout << odd.what() << ' ' << odd.number << '\n';
    }
    try {
        Whole whole;
    } catch (int i) {
        cout << "from a constructor: " << i << '\n';
    }
    try {
        Tried tried(3);
    } catch (int i) {
        cout << "rethrown by itself: " << i << '\n';
    }
    try {
        nested(3);
    } catch (const exception &e) {
        tell(e);
    }
    try {
        try {
            throw string("text");
        } catch (string &s) {
            s += " changed";
            throw;
        }
    } catch (const string &s) {
        cout << s << '\n';
    }
    exception_ptr kept;
    try {
        vector<int>(3).at(5);
    } catch (...) {
        kept = current_exception();
    }
    try {
        rethrow_exception(kept);
    } catch (const out_of_range &) {
        cout << "kept out_of_range\n";
    }
    int caught = 0;
    for (int i = 0; i < 2000; i++)
        try {
            if (i % 3 == 0)
                throw i;
            if (i % 3 == 1)
                throw make_shared<int>(i);
            throw static_cast<double>(i);
        } catch (int) {
            caught += 1;
        } catch (const shared_ptr<int> &) {
            caught += 1000;
        } catch (...) {
            caught += 1000000;
        }
    cout << "caught " << caught << '\n';
    try {
        static char *volatile memory = new char[static_cast<size_t>(-1) / 4];
    } catch (const bad_alloc &e) {
        cout << e.what() << '\n';
    }
    try {
        stoi("no number");
    } catch (const invalid_argument &e) {
        cout << "invalid_argument " << e.what() << '\n';
    }
    try {
        function<void()>()();
    } catch (const bad_function_call &e) {
        cout << e.what() << '\n';
    }
}

struct Shape {
    virtual ~Shape() = default;
    virtual double area() const = 0;
};
struct Named {
    virtual ~Named() = default;
    virtual string name() const { return "named"; }
};
struct Circle : Shape {
    double r;
    explicit Circle(double x) : r(x) {}
    double area() const override { return 3.14159265358979 * r * r; }
};
struct Square : Shape, Named {
    double s;
    explicit Square(double x) : s(x) {}
    double area() const override { return s * s; }
    string name() const override { return "square"; }
};

static void classes()
{
    vector<unique_ptr<Shape>> shapes;
    shapes.push_back(make_unique<Circle>(1.5));
    shapes.push_back(make_unique<Square>(2));
    for (auto &shape : shapes) {
        auto *named = dynamic_cast<Named *>(shape.get());
        cout << fixed << setprecision(3) << shape->area() << ' ' << (named ? named->name() : "no name") << ' '
             << (typeid(*shape) == typeid(Circle)) << '\n';
    }
    try {
        (void)dynamic_cast<Square &>(*shapes[0]);
    } catch (const bad_cast &e) {
        cout << e.what() << '\n';
    }
    variant<int, string> v = "text";
    any a = 5;
    optional<int> none;
    cout << get<string>(v) << ' ' << any_cast<int>(a) << ' ' << none.value_or(9) << '\n';
    try {
        get<int>(v);
    } catch (const bad_variant_access &e) {
        cout << "bad variant access\n";
    }
}

static void containers()
{
    map<string, int> counts;
    unordered_map<int, int> squares;
    string word;
    ifstream text("text");
    while (text >> word)
        counts[word]++;
    vector<pair<string, int>> sorted(counts.begin(), counts.end());
    sort(sorted.begin(), sorted.end(), [](auto &x, auto &y) { return x.second != y.second ? x.second > y.second : x.first < y.first; });
    for (size_t i = 0; i < 4; i++)
        cout << left << setw(10) << sorted[i].first << right << setw(5) << sorted[i].second << '\n';
    for (int i = 0; i < 100000; i++)
        squares[i % 1013] += i;
    long total = 0;
    for (auto &[key, value] : squares)
        total += value ^ key;
    set<int> unique;
    priority_queue<int> heap;
    deque<int> ends;
    list<int> linked;
    for (int i = 0; i < 1000; i++) {
        int n = i * 7919 % 1009;
        unique.insert(n), heap.push(n), linked.push_front(n);
        i % 2 ? ends.push_back(n) : ends.push_front(n);
    }
    linked.sort();
    linked.unique();
    cout << total << ' ' << unique.size() << ' ' << heap.top() << ' ' << accumulate(ends.begin(), ends.end(), 0) << ' '
         << linked.size() << ' ' << bitset<16>(0xbeef) << '\n';
    smatch match;
    string date = "on 2024-05-17 at noon";
    if (regex_search(date, match, regex("(\\d+)-(\\d+)-(\\d+)")))
        cout << match[1] << '/' << match[2] << '/' << match[3] << '\n';
}

static void streams()
{
    cout << hex << showbase << uppercase << 255 << ' ' << oct << 8 << dec << ' ' << noshowbase << setfill('*') << setw(8) << 42
         << setfill(' ') << ' ' << boolalpha << true << ' ' << showpos << 7 << noshowpos << '\n';
    cout << scientific << setprecision(4) << 12345.678 << ' ' << defaultfloat << setprecision(10) << 1.0 / 3 << ' ' << hexfloat
         << 1.5 << defaultfloat << ' ' << complex<double>(1, -2) << '\n';
    stringstream stream("12 abc 3.5 x");
    int i;
    string s;
    double d;
    stream >> i >> s >> d;
    cout << i << s << d << ' ' << stream.good();
    stream >> i;
    cout << ' ' << stream.fail() << '\n';
    string line;
    for (int n = 1; getline(cin, line); n++)
        cout << n << ':' << line << '\n';
    cout << "end of input " << cin.eof() << '\n';
    ifstream missing("missing");
    missing.exceptions(ios::badbit);
    try {
        missing.exceptions(ios::failbit);
    } catch (const ios_base::failure &) {
        cout << "stream failure\n";
    }
    cerr << "to the standard error\n";
    ostringstream out;
    out << "buffer " << 1 << ' ' << 2.5;
    cout << out.str() << endl;
}

/* An exception in a child leaves the parent alone; what nobody catches aborts. */
static void children()
{
    cout.flush();
    for (int kind = 0; kind < 3; kind++) {
        pid_t child = fork();
        if (child == 0) {
            try {
                if (kind == 1)
                    throw Odd(kind);
            } catch (const Odd &odd) {
                cout << "child: " << odd.what() << endl;
                _exit(odd.number);
            }
            if (kind == 2)
                throw runtime_error("nobody catches this");
            exit(9);
        }
        int status;
        waitpid(child, &status, 0);
        cout << "child " << kind << ": " << (WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status)) << endl;
    }
}

static Guard global("global");

int main()
{
    exceptions();
    classes();
    containers();
    streams();
    children();
    static Guard local("static local");
    atexit([] { cout << "at exit\n"; });
    return 5;
}
