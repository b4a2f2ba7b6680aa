/// Essays written for this package, to measure language models on where no other text is given.
public enum Essays {
    /// About 28 kB of English prose on everyday subjects.
    public static let text = """
        A Town on the River

        The town grew up where the river was shallow enough to cross. Long before anyone built \
        a bridge, farmers drove their cattle over the gravel bed in summer, and a few families \
        settled on the higher bank to sell them bread, rope and beer. When a stone bridge \
        finally replaced the ford, the settlement became a proper market, with a square, a \
        church and a row of inns whose back windows looked down on the water.

        Living beside a river teaches people to pay attention. After heavy rain in the hills \
        the current turns brown and quick, and older residents still glance at the painted \
        marks on the bridge pier before they go to bed. Most years the flood stops at the \
        meadow. Once or twice in a lifetime it climbs the lane and fills the cellars, and then \
        neighbors who have not spoken for months find themselves carrying furniture up the \
        stairs together.

        On calm evenings none of this seems possible. Swallows skim the surface for insects, \
        children drop sticks from one side of the bridge and run across to see them appear, \
        and the mill, which has not ground any grain for eighty years, lets its reflection lie \
        perfectly still.

        Why Bread Rises

        A loaf of bread begins as a dull lump of flour and water, yet within a few hours it \
        can double in size. The work is done by yeast, a single-celled fungus that feeds on \
        sugars in the dough. As it feeds, it gives off carbon dioxide and a little alcohol. \
        The gas has to go somewhere, and whether it escapes or stays inside decides what kind \
        of bread will come out of the oven.

        Wheat flour is good at holding gas because it contains proteins that link up when they \
        are wet. Kneading stretches these links into a soft, elastic web called gluten. Each \
        bubble is trapped in a thin film of it, rather like air inside a balloon, and the \
        whole mass slowly swells. Warmth speeds the process, cold delays it, and salt keeps it \
        from running too fast.

        In the oven the bubbles expand once more before the heat kills the yeast and sets the \
        walls around them. The alcohol evaporates, the starch stiffens, and the outside dries \
        and browns. A baker who taps the bottom of a finished loaf is listening for a hollow \
        note, the sign that the crumb within is light and cooked through.

        Lights Along the Coast

        Sailors have always feared the land more than the open sea. A ship in deep water can \
        ride out a gale, but one that strikes a reef in the dark may be lost within minutes. \
        For that reason people on dangerous coasts lit fires on headlands, and in time they \
        raised towers to lift the flames higher. The most famous of the ancient ones stood at \
        Alexandria, in Egypt, and was counted among the wonders of its age.

        For many centuries the flame itself was the weak point. Wood and coal burned unevenly, \
        and candles gave only a modest glow. A great improvement came in the 1820s, when the \
        French physicist Augustin Fresnel designed a lens made of many separate rings of \
        glass. It gathered light that would otherwise have been wasted and sent it out in a \
        narrow, powerful beam.

        Keepers trimmed the wicks, wound the clockwork that turned the lens, and wrote down \
        the weather. Their lives were orderly and often lonely. Electricity and automatic \
        machinery gradually took over these duties during the twentieth century, and today \
        most towers stand empty, visited by an engineer a few times a year and by tourists on \
        fine afternoons.

        A Game of Chess

        They met every Thursday at the same table by the window, the retired pharmacist and \
        the young woman who drove the number nine bus. He preferred slow openings in which \
        nothing much seemed to happen. She liked to bring her knights out early and look for \
        trouble. Neither had ever read a book about the subject, and both suspected the other \
        of secretly doing so.

        On this particular evening she gave up a pawn on the seventh move. He looked at it for \
        a long time, stirring his tea, because a gift from an opponent is seldom what it \
        appears to be. In the end he took it. Three turns later her bishop slid across the \
        board, his king could no longer castle, and the center of the position burst open like \
        a dropped melon.

        He defended well. He traded queens, marched his king to safety on foot, and kept the \
        extra pawn until there was almost nothing else left. With only a rook each and a \
        handful of soldiers, she offered a draw. He studied her face, then the clock above the \
        counter, then the rain outside. He accepted, and asked whether her bus would be \
        passing his street on the way back to the depot.

        The Pull of the Tides

        Anyone who spends a day at the seaside will notice that the water does not stay where \
        it was. In the morning the waves may reach the foot of the sea wall, and by early \
        afternoon there is a broad stretch of wet sand with crabs hiding in the pools. On most \
        shores the cycle repeats a little more than twelve hours later, so that two high \
        waters and two low ones come in roughly a day.

        The main cause is the moon. Its gravity draws a little more strongly on the side of \
        the Earth that faces it and a little less on the far side, and the oceans respond by \
        bulging in both directions. As the planet turns, coasts are carried through these \
        bulges. The sun adds a weaker effect of the same kind. When the two act along one \
        line, at new and full moon, the range is largest, and these are known as spring tides, \
        although they have nothing to do with the season.

        The shape of the coast matters as well. In the nearly closed Mediterranean the change \
        is often too small to notice, while in the Bay of Fundy, in Canada, the difference \
        between high and low water can exceed the height of a four-story house.

        Two Siblings

        When their father died, Martin and Ruth inherited a boat that neither of them knew how \
        to sail. It lay upside down in the shed behind the house, gray with dust, its name \
        worn down to three letters. Martin wanted to sell it. Ruth said nothing, which in \
        their family had always been a way of refusing.

        All through April she scraped and sanded. He came by on Sundays to tell her that the \
        wood was rotten, and because there was only one chair in the shed he usually ended up \
        standing beside her with a brush in his hand. They talked about small things, the \
        price of varnish, the neighbor's dog, and by and by about larger ones. He had not \
        known that she was the one who had answered the telephone that night. She had not \
        known that he had driven past the hospital twice without going in.

        In June they carried the boat to the lake. It leaked at once, though slowly, and they \
        took turns rowing and bailing with a saucepan. Halfway across Martin began to laugh. \
        Ruth asked him what was funny, and he pointed at the bow, where under three coats of \
        fresh paint she had written the old name again and spelled it wrong.

        In the Beehive

        A strong colony of honeybees in midsummer may hold fifty thousand insects, nearly all \
        of them sisters. A single queen lays the eggs, sometimes more than a thousand in a \
        day. The males, called drones, do no housework and collect no food; their only purpose \
        is to mate with a young queen from another hive, and those that remain are driven out \
        before the cold weather arrives.

        A worker changes her occupation as she ages. In her first days she cleans the empty \
        cells. Then she feeds the larvae, builds comb from wax that her own body produces, and \
        receives nectar from returning foragers. Only in the last few weeks of a summer life \
        does she leave on long flights of her own. When she discovers a rich patch of clover, \
        she can tell the others by dancing on the comb, and the angle and length of her run \
        show the direction and the distance.

        Honey is the store that carries the colony through winter. The bees fan the thin \
        nectar with their wings until most of the moisture has gone, then seal each cell with \
        a lid. In January they cluster around the queen and shiver their muscles to keep her \
        warm, eating their way slowly upward through the summer's savings.

        Staying Upright

        A bicycle standing by itself falls over almost immediately, and yet with a rider \
        aboard it will roll along a narrow path for miles. Learners are told to keep pedaling, \
        which is good advice, for speed is part of the answer. The more important part is \
        steering. Whenever the machine begins to tip to one side, the rider turns the \
        handlebars slightly in that direction, and the wheels move back underneath the weight.

        Practiced cyclists make these corrections all the time without being aware of them. \
        Look at the track of a tire on a damp road and you will see that it is never straight \
        but wanders gently from left to right. To turn a corner, one even has to steer for an \
        instant the wrong way, so that the body leans into the curve before the front wheel \
        follows.

        A well-built frame does some of the work by itself. Pushed down a gentle slope with \
        nobody in the saddle, many bicycles will recover from a bump and continue for a \
        surprising distance. Engineers have studied the reasons for more than a century. The \
        spinning of the wheels plays a role, as does the angle of the fork, but experiments \
        show that neither alone is the full explanation.

        Winter in the Mountains

        Snow arrives early above the tree line. By the end of October the high pastures are \
        white, the cattle have been led down to the villages, and the huts where cheese was \
        made all summer stand shuttered against the wind. For a few weeks the road over the \
        pass is kept open with plows. Then a heavy storm fills the cuttings, a barrier is \
        lowered across the pavement, and the two valleys will not meet again until May.

        Animals deal with the cold in different ways. Marmots retire to their burrows and let \
        their body temperature sink until they barely breathe. The ptarmigan changes its brown \
        feathers for white ones and digs a hollow in the drifts, where the air is milder than \
        outside. Chamois move to steep slopes that the sun and the gales keep partly bare, \
        scratching for dry grass with their hooves.

        The people who live here have learned to read the snow as others read a newspaper. A \
        fresh layer on top of an icy crust may slide without warning, and a warm afternoon can \
        loosen a whole mountainside. Children are taught which gullies to avoid before they \
        are taught to ski, and the forest over the village is never cut, because its trunks \
        hold the slope in place.

        Railways and the Time of Day

        Two hundred years ago each town kept its own time. Noon was the moment when the sun \
        stood highest, and since that happens earlier in the east than in the west, the clocks \
        of two cities could differ by a quarter of an hour. Hardly anyone minded. A stagecoach \
        was slow enough that its passengers could adjust their watches on the way, if they \
        owned watches.

        The steam train changed this. A company that ran dozens of services on a single line \
        had to be certain that two of them would not occupy the same stretch of track at once. \
        In Britain, the railways adopted London time during the 1840s, and most public clocks \
        soon followed. In North America, where the distances were far greater, the companies \
        agreed in 1883 on a system of broad zones, each differing from the next by exactly one \
        hour.

        A printed timetable is therefore more than a list of departures. It is a promise that \
        thousands of signals, crews and engines will be in the proper place. Passengers notice \
        it mainly when it fails. The rest of the time they fold their coats, look out at the \
        fields, and trust that somebody in an office has thought carefully about the junction \
        ahead.

        My Uncle's Onion Soup

        My uncle cooked only one dish, and he cooked it when somebody was unhappy. He would \
        begin by slicing six large onions, crying openly and blaming the vegetables. A \
        generous piece of butter went into the heavy pot, and when it had stopped foaming he \
        tipped in the whole pale heap, added a spoonful of salt, and turned the flame as low \
        as it would go.

        After that came the part that could not be hurried. For most of an hour he stirred and \
        said very little. The slices grew limp, then clear, then yellow, and at last took on \
        the color of an old violin. If they caught on the bottom he loosened them with a \
        splash of white wine. You were allowed to sit at the kitchen table and talk, or not, \
        as you preferred, and he never turned around to look at you.

        Finally he poured in the beef stock and a sprig of thyme and let it murmur while he \
        toasted thick rounds of bread. These floated on the bowls under a layer of grated \
        cheese, and the bowls went beneath the grill until everything blistered. By the time \
        you had burned your tongue on the first spoonful, he used to claim, the worst was \
        generally over.

        How Vaccines Work

        The human body is under constant attack from germs too small to see. Most are stopped \
        by the skin or swallowed and destroyed by the acid in the stomach. Those that get \
        further meet the immune system, a large force of cells that patrols the blood and the \
        tissues. Some of these cells respond to any intruder. Others are specialists, each \
        equipped to recognize one particular shape and no other.

        When a new disease arrives, it takes days for the right specialists to be found and to \
        multiply. In the meantime the patient falls ill. Afterward, however, a number of these \
        cells survive for years as a kind of memory. If the same germ returns, they react so \
        quickly that it is often defeated before any symptoms appear. This is why many people \
        catch measles only once.

        A vaccine gives the body this experience without the danger. It may contain a weakened \
        germ, a dead one, a single harmless fragment, or instructions that let our own cells \
        produce such a fragment for a short while. The arm may be sore for a day, which is a \
        sign that the defenders are busy. When nearly everybody in a community is protected, \
        an outbreak has nowhere to spread, and even newborn babies are safer.

        Market Day

        The first vans reach the square at five, while the streetlamps are still burning. \
        Nobody talks much at that hour. Poles are fitted together, canvas is pulled tight, and \
        crates of lettuce, wet from the field, are stacked where the morning sun will not \
        touch them. The woman who sells eggs has had the corner beside the fountain since her \
        mother gave it up, and she sweeps the stones around it as if they belonged to her.

        By nine the place is crowded. Restaurant cooks have come and gone with the best fish, \
        and now it is the turn of families, students and elderly gentlemen with wheeled \
        baskets. A boy is handed a slice of melon on the point of a knife. Two friends block \
        the aisle to discuss a wedding. At the cheese counter a long line moves forward \
        slowly, because every customer must taste something before deciding to buy what she \
        always buys.

        Toward one o'clock the prices begin to fall. Strawberries that will not last until \
        tomorrow are sold by the tray, and a man with a guitar counts the coins in his hat. \
        Soon the trucks are loaded again. Sparrows and a street sweeper divide what is left, \
        and by three the square belongs once more to parked cars.

        A Letter from Grandmother

        My dear Clara, your card came on Tuesday, and I have stood it against the sugar bowl \
        so that I can see it at breakfast. I am glad that you like your room, even if the view \
        is of a wall. A wall is restful. When I was your age and had just moved to the city I \
        shared an attic with two other girls, and between us we owned one good coat, which we \
        wore to interviews in turn.

        There is little news from here. The cat has decided that she will sleep only on the \
        ironing board. Mr. Holloway has finally cut down his pear tree, and the kitchen is so \
        bright in the afternoon that I can see how badly I dust. I have started to learn \
        Spanish from the radio. So far I am able to order coffee and to report that my \
        suitcase has been stolen.

        You asked whether it gets easier to be among strangers. I think it does, though not \
        because one grows braver. It happens because one of the strangers turns out to have \
        the same laugh as somebody you used to know. Do eat properly. I enclose a little money \
        for something useful, and if you spend it on something foolish, please describe it to \
        me in detail. Your loving Grandma.

        Pictures Made of Dots

        Hold a newspaper photograph close to your eyes and the image dissolves. What seemed to \
        be a soft gray sky turns out to be a field of tiny black dots on white paper, all \
        evenly spaced but of different sizes. Where the scene is dark the dots swell until \
        they touch one another, and where it is light they shrink to mere specks. Move the \
        page away again and the sky returns.

        The trick is necessary because a printing press cannot print gray. It can either put \
        ink on a given spot or leave it clean. For most of the nineteenth century, therefore, \
        photographs had to be copied by hand as engravings before they could appear beside \
        type. In the 1880s several inventors found a way to break a picture up mechanically by \
        photographing it through a fine grid, and the halftone, as it became known, soon \
        filled the illustrated magazines.

        Color printing extends the same idea. Four screens, usually in cyan, magenta, yellow \
        and black, are laid over each other at slightly different angles so that the patterns \
        do not clash. A careless alignment produces a shimmering effect called moire. When \
        everything is right, the eye blends the colored points into apples, faces and sunsets \
        that were never really on the paper.

        Phases of the Moon

        The moon gives off no light of its own. What we see is sunshine reflected from a \
        surface of gray rock and dust, and at any moment one half of the globe is lit while \
        the other is in darkness. The familiar shapes come from the fact that we look at this \
        half-lit ball from changing directions as it travels around us.

        When it lies roughly between us and the sun, its bright side is turned away and the \
        sky seems empty. A few days later a thin crescent appears in the west after sunset. It \
        grows until the half moon stands high in the evening, and about two weeks after the \
        start of the cycle a complete disk rises in the east just as the sun goes down. Then \
        the light shrinks again from the opposite edge. The whole sequence takes about \
        twenty-nine and a half days.

        Many people believe that the dark part is the shadow of our own planet. That is true \
        only during a lunar eclipse, when the full moon passes through that shadow and often \
        turns a coppery red. Such an event does not occur every month, because the path of the \
        moon is slightly tilted and usually carries it above or below the line.

        A Small Garden

        A beginner usually wants to plant everything in the first warm week of March. \
        Experience recommends patience. Seeds that lie in cold, soaked ground are more likely \
        to rot than to sprout, and tender seedlings set out too soon may be blackened by a \
        single night of frost. It is better to spend the early spring looking after the soil \
        itself, digging in compost and pulling out the roots of last year's weeds.

        Once the days lengthen, growth is astonishing. Peas climb whatever they are offered, \
        radishes are ready within a month, and a zucchini that was the length of a finger on \
        Friday may be as long as a forearm when its owner returns from a weekend away. Slugs \
        come out after rain. Ladybugs and their larvae eat aphids by the dozen, which is one \
        reason to leave a few nettles standing near the fence.

        Watering is a skill of its own. A light sprinkle each evening encourages roots to stay \
        near the surface, where they dry out quickly, whereas a thorough soaking every few \
        days draws them downward. Mulch keeps the moisture in. By September the tired gardener \
        will be leaving bags of tomatoes on the doorsteps of acquaintances and promising to \
        plant fewer next time.

        The Voice of the Violin

        A violin string by itself makes hardly any sound. It is so thin that it slips through \
        the air without moving much of it. For the instrument to fill a hall, the vibration \
        has to be passed to something larger, and this is the task of the bridge, the carved \
        piece of maple on which the four strings rest. It rocks under their motion and drives \
        the wooden body, whose broad plates push the air back and forth.

        The bow is just as important. Its horsehair is rubbed with rosin, a sticky resin taken \
        from pine trees, so that it grips the string, pulls it aside, loses hold, and catches \
        it again hundreds of times a second. A player controls the speed, the pressure and the \
        point of contact, and with them the color of the tone, which can range from a whisper \
        to something close to a trumpet.

        The finest makers worked in the Italian city of Cremona between the sixteenth and the \
        eighteenth centuries, and instruments by Antonio Stradivari still sell for millions. \
        Whether they truly surpass the best modern ones is a matter of debate. In several \
        tests, listeners and even soloists were unable to tell old from new when they could \
        not see what was being played.

        What Maps Leave Out

        A map that showed everything would be as large as the country it described and quite \
        useless in a car. Its value lies in what has been removed. The person who draws it \
        must decide which streams are worth a blue line, which villages deserve a name, and \
        how far a winding road may be straightened before walkers lose their way. Every sheet \
        is a series of judgments, even when it looks like plain fact.

        There is also the difficulty that the Earth is round and paper is flat. No method can \
        spread the surface of a ball on a table without stretching some of it. The projection \
        published by Gerardus Mercator in 1569 preserves angles, so that a constant compass \
        course becomes a straight line, and navigators were grateful. The price is that lands \
        near the poles appear enormous. Greenland looks comparable to Africa, which is in \
        reality about fourteen times bigger.

        City transport diagrams go further and give up distance altogether. On the chart of \
        the London Underground that Harry Beck devised in the early 1930s, the lines run only \
        straight across, upright or at a slant. Passengers below ground did not care where \
        they were exactly. They wanted to know where to change.

        Working with Glass

        Sand is an unlikely starting point for a window. Yet if it is pure enough and is \
        heated together with soda and lime to about fifteen hundred degrees Celsius, it \
        becomes a glowing liquid as thick as honey. On cooling, the liquid does not form \
        crystals in the usual manner. It simply grows stiffer and stiffer until it can no \
        longer flow, keeping the disordered structure of a fluid in a solid piece.

        Craftsmen around the eastern Mediterranean discovered about two thousand years ago \
        that a lump of this material could be inflated at the end of an iron tube. Before \
        that, vessels had been formed slowly around a core of clay. Blowing was fast and \
        cheap, and drinking glasses, once a luxury, soon stood on ordinary Roman tables.

        The blower works against the clock. He rolls the soft bubble on a metal slab, swings \
        it to lengthen it, shapes it with wet wood, and returns it to the furnace whenever it \
        begins to harden. A finished piece must rest for hours in a warm oven, because if the \
        outer layer cools sooner than the inside, hidden strain builds up. Such a vase may \
        look perfect on the shelf and crack one morning for no visible reason.

        The Public Library

        On rainy afternoons the reading room fills by degrees. Schoolchildren spread their \
        notebooks over the long tables, a man in a raincoat settles down with the sports \
        pages, and a young mother lowers herself to the carpet, where her daughter is choosing \
        books entirely by the size of the animals on the cover. The radiators tick. From time \
        to time a cart with a squeaking wheel goes past, and someone looks up and smiles.

        Lending out books to everyone, free of charge, is a fairly recent idea. Monasteries \
        and universities kept collections for their own members and sometimes chained the \
        volumes to the desks. During the nineteenth century, as more people learned to read, \
        towns began to pay for libraries out of local taxes, and wealthy donors such as Andrew \
        Carnegie, who had made his fortune in steel, put up buildings by the thousand.

        A good librarian answers questions of every sort. Within an hour she may be asked for \
        a picture of a steam tractor, the address of a tax office, and a novel, borrowed long \
        ago, of which the reader remembers only that it was green. She finds the first two in \
        a few minutes. The third takes until closing time, and pleases her the most.

        Salt

        Few substances are as common as salt, and few have been fought over so often. The body \
        cannot manage without it, since nerves and muscles depend on the sodium it contains. \
        People who lived mainly on meat obtained enough from their food, but farmers whose \
        diet was grain had to add some, and so did anyone who wanted to keep fish or pork \
        through the cold months.

        Preserving works because salt draws water out of the flesh and also out of the \
        bacteria that would spoil it. Before refrigeration this was worth a great deal. \
        Caravans carried slabs of the mineral across the Sahara, and European cities grew rich \
        on the right to trade it. Taxes on it were widely hated. In 1930 Gandhi walked to the \
        sea at Dandi to gather a handful in defiance of the law, and the march drew the \
        attention of the world.

        It is won in two principal ways. Where the climate is hot and dry, seawater is led \
        into shallow ponds and left to evaporate, so that a white crust can be raked together \
        at the end of the season. Elsewhere it is mined from thick beds underground, the \
        remains of oceans that vanished millions of years ago.

        The Barn Owl

        At dusk a pale shape leaves the church tower and drifts over the hedges as quietly as \
        a falling leaf. The barn owl hunts mostly by ear. Its heart-shaped face works like a \
        dish, gathering faint noises and directing them to openings hidden beneath the \
        feathers. In many owls, this one included, one ear sits a little higher than the \
        other, and the tiny difference in what each receives tells the bird how far below it a \
        mouse is rustling.

        Silence is the second half of the method. The front edge of the wing carries a fine \
        comb that breaks up the rushing air, and the rear edge ends in a loose fringe. \
        Together with a velvety surface they muffle the flight so well that the prey has no \
        warning, while the hunter can go on listening until the moment it drops.

        Owls swallow small victims whole and later cough up the bones and fur in a neat \
        pellet. Biologists collect these and take them apart on sheets of newspaper, for the \
        skulls inside give an honest account of what has been living in the surrounding \
        fields. A single pair with hungry chicks can remove a thousand or more voles and mice \
        in one season, which is why farmers once left a small opening for them high in the \
        gable.

        Rain on Its Way

        A cloud is not made of vapor, which is invisible, but of droplets so small that a \
        million of them would be needed for one decent raindrop. They form when moist air is \
        lifted, expands and cools, until the water it carries can no longer remain a gas. Each \
        droplet needs something to settle on, and the atmosphere provides plenty of specks, \
        among them smoke, pollen and sea salt.

        For rain to fall, these droplets must somehow become heavier. In warm climates they \
        collide and merge on their way through the cloud. Farther from the equator, ice is \
        generally involved. Crystals near the freezing top grow at the expense of the water \
        around them, sink as snowflakes, and melt before they reach the street, so that a \
        summer shower in Boston or Berlin may well have begun its journey as a flurry of snow.

        Country people predicted the weather by signs, and some of those signs were sound. \
        High, feathery streaks that thicken into a gray veil often announce a front, and a \
        ring around the moon means that ice is drifting far overhead. Others were only wishes. \
        The cows that lie down in the pasture are, as far as anyone has been able to show, \
        merely tired.
        """
}
