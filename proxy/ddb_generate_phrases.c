#include "proxy/ddb_generate_phrases.h"

#define LIST(array) 0, (array), sizeof(array) / sizeof *(array)
#define FILLER(c, array)                                                                                     \
    {                                                                                                        \
        (c), (array), sizeof(array) / sizeof *(array)                                                        \
    }

static const char *const greetings[] = {
    "Hey %n!",
    "Hi %n, it's me.",
    "Hello %n 👋",
    "Good morning %n.",
    "Hi %n! Got your name from a friend at work.",
    "Hey, is this the right account? %n from %a?",
    "Hola %n, ¿qué tal?",
    "Salut %n !",
    "Moin %n!",
    "Ciao %n!",
    "Hej %n!",
    "Merhaba %n!",
    "%nさん、こんにちは！",
    "안녕 %n!",
    "Привіт, %n!",
    "नमस्ते %n!",
    "مرحبا %n!",
    "Olá %n, tudo bem?",
    "Cześć %n!",
    "Γεια σου %n!",
};

static const char *const questions[] = {
    "Are you coming to %p %d?",
    "Did you see the %t?",
    "What time works for you %d?",
    "Have you tried the %f yet?",
    "Do you still have my %t?",
    "Shall we say %h?",
    "Who else is coming?",
    "Can you bring the %t?",
    "How was %p?",
    "Did you hear about %a being cancelled?",
    "Any plans for %D?",
    "Could you send me the address again?",
    "Do you want me to book a table for %#?",
    "Is %h too late for you?",
    "What should I bring to %p?",
    "Are you still up for %a?",
    "How did the interview go, %n?",
    "Should I wait for you at %p?",
    "Which one do you like better?",
    "Do you know a good place for %f near %p?",
    "Can I call you around %h?",
    "Did the %t arrive?",
    "Would you mind watering my plants %d?",
    "¿Nos vemos %h?",
    "Tu viens aussi ?",
    "Kommst du auch mit?",
    "When is your train again?",
    "How many people did you invite, more than %#?",
    "Is it %w there too?",
    "Are we still on for %D?",
    "Have you got %# minutes?",
    "What do you think?",
};

static const char *const answers[] = {
    "Yes, definitely.",
    "No, sorry, I can't.",
    "Sounds good!",
    "Let me check and get back to you.",
    "Sure, %h works.",
    "I'd rather go %d.",
    "Not really, to be honest.",
    "Of course 😄",
    "Hmm, good question.",
    "I think so, but don't quote me on it.",
    "Yes! Can't wait.",
    "Only if it isn't %w.",
    "Maybe, ask me again %d.",
    "I was about to ask you the same thing.",
    "Nope, not yet.",
    "Already done ✅",
    "Give me %# minutes.",
    "Absolutely, count me in.",
    "I'm afraid not.",
    "Either is fine with me.",
    "Yes, and I'll bring the %t.",
    "Claro que sí!",
    "Bien sûr.",
    "Na klar!",
    "もちろん！",
    "Probably around %h.",
    "I don't know yet, it depends on work.",
    "The second one, no doubt.",
    "Better than I expected!",
    "About %#, I'd say.",
};

static const char *const statements[] = {
    "I'm at %p right now.",
    "It's so %w here.",
    "I finally finished the %t.",
    "The %f was amazing.",
    "My train is %# minutes late.",
    "We should do that again soon.",
    "I've been thinking about %a a lot lately.",
    "The meeting moved to %h.",
    "My sister says hi by the way.",
    "I'll be there in about %# minutes.",
    "You would have loved it.",
    "I left the %t on your desk.",
    "There were at least %# people in the queue.",
    "I've put it all in the shared folder.",
    "They were out of %f, so I got something else.",
    "I can't find the %t anywhere.",
    "The new place next to %p is open now.",
    "Work was a lot today.",
    "I'm going to bed early for once.",
    "%D is a holiday here, I had completely forgotten.",
    "The cat knocked over the %t again.",
    "I signed us up for %a.",
    "It took me %# tries, but it works now.",
    "Thanks again for last time, %n.",
    "I owe you some %f.",
    "Turns out the shop closes at %h.",
    "I walked all the way to %p and back.",
    "The weather app says %w until %D.",
    "Nobody told me about the %t.",
    "I took way too many pictures.",
    "My phone is at %# percent, so I may disappear.",
    "Honestly, %a was harder than I thought.",
    "We ended up talking until %h.",
    "I'm still laughing about it.",
    "They played our song at %p.",
    "I read the whole thing twice and I still don't get it.",
    "The neighbours are having a party again.",
    "I made too much %f, come over if you're hungry.",
    "Somebody at work brought %f for everyone.",
    "I've booked the tickets.",
    "The dentist said everything is fine.",
    "I'm learning to cook %f, wish me luck.",
    "We got the flat!",
    "I'll tell you the rest when we meet.",
    "It's only %# km from %p.",
    "I was wrong about the %t.",
    "Mañana te cuento todo.",
    "C'était vraiment bien.",
    "Das war ein langer Tag.",
    "今日はとても楽しかった。",
    "오늘 정말 재미있었어.",
    "Сьогодні був чудовий день.",
    "This is going to be a long story.",
    "First I missed the bus, of course.",
    "Then it started to rain.",
    "In the end we just had %f and went home.",
    "That was the best part of the week.",
};

static const char *const reactions[] = {
    "ok",
    "Ok!",
    "haha",
    "lol",
    "Nice!",
    "Wow.",
    "Same here",
    "No way!",
    "Congratulations! 🎉",
    "See you!",
    "Good night",
    "Thanks!",
    "thank you so much",
    "Perfect.",
    "Great, see you %d",
    "omw",
    "On my way!",
    "Sorry, just saw this",
    "Deal 🤝",
    "Yes",
    "No",
    "hm",
    "+1",
    "Vale",
    "D'accord",
    "Alles klar",
    "Tack!",
    "Teşekkürler!",
    "Dziękuję!",
    "ありがとう！",
    "고마워!",
    "धन्यवाद",
    "شكرا",
    "תודה",
    "Ευχαριστώ",
    "谢谢！",
    "Miss you",
    "Take care, %n",
    "...",
    "?!",
    "🙈 sorry",
};

static const char *const emoji[] = {
    "😀", "😂", "🤣", "😊",    "😍", "🙈",      "👍", "🙏", "🎉", "❤️", "🔥",           "😅",        "🤔",
    "😭", "👏", "💪",    "🥳", "😎", "☀️", "☕", "🍕", "👀", "✨",      "👩‍💻", "👍🏽",
};

static const char *const places[] = {
    "the station",
    "the lake",
    "the old harbour",
    "the library",
    "the market",
    "my place",
    "the gym",
    "the office",
    "the park",
    "the airport",
    "the café on the corner",
    "the cinema",
    "the bridge",
    "Lisbon",
    "Kraków",
    "the beach",
    "the university",
    "Grandma's",
};

static const char *const days[] = {
    "today",     "tonight",     "tomorrow",  "on Monday", "on Tuesday",   "on Wednesday",   "on Thursday",
    "on Friday", "on Saturday", "on Sunday", "next week", "this weekend", "in the evening",
};

static const char *const weekdays[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                       "Friday", "Saturday", "Sunday"};

static const char *const hours[] = {
    "noon",     "half past seven",    "6 pm", "19:30", "quarter to nine", "10 o'clock", "8:15", "five",
    "midnight", "3 in the afternoon",
};

static const char *const foods[] = {
    "pizza",          "ramen",       "pierogi",     "dumplings",     "jollof rice", "tacos",
    "cinnamon rolls", "phở",         "mango lassi", "crêpes",        "falafel",     "kimchi stew",
    "apple cake",     "lentil soup", "injera",      "pão de queijo", "börek",
};

static const char *const things[] = {
    "report",       "photos",     "bike",    "tent",     "book",       "keys",
    "presentation", "new season", "charger", "umbrella", "guitar",     "parcel",
    "slides",       "board game", "invoice", "recipe",   "headphones", "camera",
};

static const char *const activities[] = {
    "climbing",
    "the hike",
    "yoga",
    "the pottery class",
    "football",
    "the quiz night",
    "the language course",
    "running",
    "chess",
    "the concert",
    "the workshop",
    "painting",
};

static const char *const weathers[] = {
    "hot", "cold", "windy", "rainy", "foggy", "quiet", "sunny", "crowded", "grey", "beautiful",
};

const ra_phrases ra_greetings = {LIST(greetings)};
const ra_phrases ra_questions = {LIST(questions)};
const ra_phrases ra_answers = {LIST(answers)};
const ra_phrases ra_statements = {LIST(statements)};
const ra_phrases ra_reactions = {LIST(reactions)};
const ra_phrases ra_emoji = {LIST(emoji)};

const ra_phrases ra_slot_fillers[] = {
    FILLER('p', places), FILLER('d', days),   FILLER('D', weekdays),   FILLER('h', hours),
    FILLER('f', foods),  FILLER('t', things), FILLER('a', activities), FILLER('w', weathers),
};
const size_t ra_nslot_fillers = sizeof ra_slot_fillers / sizeof *ra_slot_fillers;
