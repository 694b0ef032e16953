#include "proxy/ddb_generate_names.h"

const ra_language ra_languages[] = {
    /* English */
    {"Alice Ben Chloe Daniel Ella Freddie Grace Harry Isla Jack Megan Tom",
     "Archer Bennett Clarke Dawson Ellis Foster Graham Hughes Mitchell Parker Turner Webb", false, false},
    /* Spanish */
    {"Ana Álvaro|alvaro Carmen Diego Inés|ines Javier Lucía|lucia Martín|martin Nuria Pablo Sofía|sofia "
     "Íñigo|inigo",
     "Álvarez|alvarez Castro Domínguez|dominguez Fernández|fernandez García|garcia Ibáñez|ibanez López|lopez "
     "Muñoz|munoz Núñez|nunez Ortega Peña|pena Vázquez|vazquez",
     false, false},
    /* Portuguese */
    {"André|andre Beatriz Caio Débora|debora Fábio|fabio Gonçalo|goncalo Helena João|joao Luís|luis "
     "Mônica|monica Rúben|ruben Tânia|tania",
     "Araújo|araujo Cardoso Conceição|conceicao Fonseca Gonçalves|goncalves Magalhães|magalhaes Moreira "
     "Oliveira Pinto Rodrigues Simões|simoes Teixeira",
     false, false},
    /* French */
    {"Aurélie|aurelie Benoît|benoit Céline|celine Clément|clement Élodie|elodie François|francois "
     "Gaëlle|gaelle Hélène|helene Jérôme|jerome Léa|lea Maëlle|maelle Noël|noel",
     "Béranger|beranger Chevalier Dubois Fournier Girard Lefèvre|lefevre Mercier Moreau Perrin Roussel "
     "Thévenet|thevenet Vidal",
     false, false},
    /* German */
    {"Anja Björn|bjoern Elke Franziska Günter|guenter Jörg|joerg Käthe|kaethe Lukas Marlene Sören|soeren Uwe "
     "Wiebke",
     "Bäcker|baecker Hoffmann Jäger|jaeger Köhler|koehler Krüger|krueger Müller|mueller Neumann "
     "Schäfer|schaefer Schröder|schroeder Voß|voss Weiß|weiss Zöllner|zoellner",
     false, false},
    /* Nordic */
    {"Åsa|asa Astrid Bjørn|bjorn Elín|elin Freja Håkon|hakon Jónas|jonas Linnéa|linnea Mikkel Signe "
     "Søren|soren Tuuli",
     "Aaltonen Bergström|bergstrom Dahl Eriksen Guðmundsdóttir|gudmundsdottir Hämäläinen|hamalainen "
     "Lindqvist Mäkinen|makinen Nyström|nystrom Ødegård|odegard Sigurðsson|sigurdsson Sørensen|sorensen",
     false, false},
    /* Polish and Czech */
    {"Agnieszka Bożena|bozena Dušan|dusan Jiří|jiri Krzysztof Łukasz|lukasz Małgorzata|malgorzata "
     "Ondřej|ondrej Paweł|pawel Růžena|ruzena Tomáš|tomas Zofia",
     "Černý|cerny Dąbrowski|dabrowski Hájek|hajek Jabłoński|jablonski Kowalczyk Němec|nemec Novák|novak "
     "Pokorný|pokorny Szymański|szymanski Wiśniewski|wisniewski Wójcik|wojcik Zieliński|zielinski",
     false, false},
    /* Turkish */
    {"Ayşe|ayse Burak Çağla|cagla Deniz Emre Gülşen|gulsen İbrahim|ibrahim Kerem Nilüfer|nilufer Özge|ozge "
     "Şule|sule Yiğit|yigit",
     "Aydın|aydin Çelik|celik Doğan|dogan Erdoğdu|erdogdu Güneş|gunes Kılıç|kilic Öztürk|ozturk Polat "
     "Şahin|sahin Taş|tas Yıldız|yildiz Yılmaz|yilmaz",
     false, false},
    /* Russian */
    {"Алексей|aleksei Анна|anna Борис|boris Вера|vera Дмитрий|dmitrii Екатерина|ekaterina Иван|ivan "
     "Ксения|kseniia Людмила|liudmila Михаил|mikhail Ольга|olga Юрий|iurii",
     "Васильев|vasilev Гончаренко|goncharenko Жук|zhuk Зайченко|zaichenko Коваль|koval Кравец|kravets "
     "Лысенко|lysenko Мельник|melnik Пушкарь|pushkar Савчук|savchuk Ткаченко|tkachenko Шевчук|shevchuk",
     false, false},
    /* Greek */
    {"Αγγελική|angeliki Γιώργος|giorgos Δήμητρα|dimitra Ελένη|eleni Θανάσης|thanasis Ιωάννα|ioanna "
     "Κώστας|kostas Λευτέρης|lefteris Μαρία|maria Νίκος|nikos Σταύρος|stavros Χριστίνα|christina",
     "Αλεξίου|alexiou Βλάχου|vlachou Γεωργίου|georgiou Δημητρίου|dimitriou Ζαχαρίου|zachariou "
     "Ιωάννου|ioannou Κωνσταντίνου|konstantinou Μακρή|makri Νικολάου|nikolaou Παππά|pappa Σταύρου|stavrou "
     "Χρήστου|christou",
     false, false},
    /* Arabic */
    {"أحمد|ahmad أمينة|amina بلال|bilal حسن|hassan خديجة|khadija زينب|zaynab سمير|samir عمر|omar "
     "فاطمة|fatima ليلى|layla نور|nour يوسف|yusuf",
     "البغدادي|albaghdadi التونسي|altunisi الحداد|alhaddad الخطيب|alkhatib الشامي|alshami الصباغ|alsabbagh "
     "العطار|alattar القاسم|alqasim المصري|almasri النجار|alnajjar منصور|mansour يعقوب|yaqub",
     false, false},
    /* Hebrew */
    {"אביגיל|avigail איתי|itai גילה|gila דוד|david חנה|hanna יעל|yael מיכל|michal נועם|noam עומר|omer "
     "רבקה|rivka שירה|shira תמר|tamar",
     "אלון|alon ברק|barak גולן|golan דגן|dagan הראל|harel זמיר|zamir כרמי|karmi לביא|lavi מזרחי|mizrahi "
     "פלג|peleg שגב|segev תבור|tavor",
     false, false},
    /* Hindi */
    {"आरव|aarav अनन्या|ananya दीपक|deepak ईशा|isha कबीर|kabir मीरा|meera नेहा|neha प्रिया|priya राहुल|rahul "
     "रोहन|rohan सुनीता|sunita विवेक|vivek",
     "अग्रवाल|agrawal चौधरी|chaudhary देसाई|desai गुप्ता|gupta जोशी|joshi कपूर|kapoor मेहता|mehta मिश्रा|mishra "
     "पटेल|patel शर्मा|sharma सिंह|singh वर्मा|verma",
     false, false},
    /* Chinese */
    {"伟|wei 芳|fang 娜|na 静|jing 磊|lei 洋|yang 艳|yan 勇|yong 晓明|xiaoming 雨桐|yutong 子涵|zihan "
     "思远|siyuan",
     "陈|chen 邓|deng 高|gao 何|he 黄|huang 李|li 林|lin 刘|liu 孙|sun 王|wang 张|zhang 周|zhou", true, true},
    /* Japanese */
    {"愛|ai 翔太|shota 葵|aoi さくら|sakura 健|ken 大輝|daiki 結衣|yui 陽菜|hina 蓮|ren 美咲|misaki "
     "直樹|naoki 恵子|keiko",
     "阿部|abe 藤井|fujii 橋本|hashimoto 池田|ikeda 伊藤|ito 加藤|kato 小林|kobayashi 中村|nakamura "
     "佐藤|sato 鈴木|suzuki 高橋|takahashi 渡辺|watanabe",
     true, false},
    /* Korean */
    {"서연|seoyeon 민준|minjun 지우|jiwoo 하은|haeun 도윤|doyun 수빈|subin 현우|hyunwoo 예린|yerin "
     "준호|junho 은지|eunji 태형|taehyung 소희|sohee",
     "강|kang 김|kim 문|moon 박|park 배|bae 송|song 신|shin 윤|yoon 임|lim 정|jung 최|choi 한|han", true,
     true},
    /* Vietnamese */
    {"Anh Bảo|bao Châu|chau Dũng|dung Hạnh|hanh Hương|huong Khánh|khanh Linh Minh Phượng|phuong Quỳnh|quynh "
     "Thảo|thao",
     "Bùi|bui Đặng|dang Đinh|dinh Đỗ|do Hồ|ho Lê|le Ngô|ngo Nguyễn|nguyen Phạm|pham Trần|tran Vũ|vu Võ|vo",
     true, false},
    /* West African */
    {"Abena Adebayo Amara Chidi Ebele Fọlákẹ́|folake Kofi Kwame Ngozi Olúwaṣeun|oluwaseun Yaw Zainab",
     "Acheampong Adéyẹmí|adeyemi Agyeman Balogun Boateng Eze Mensah Nwosu Okafor Okonkwo "
     "Ọláńrewájú|olanrewaju Owusu",
     false, false},
    /* Swahili and Amharic */
    {"Amani Baraka ሄኖክ|henok ሰላም|selam Imani Jabari Makena ትዕግስት|tigist Neema Wanjirũ|wanjiru ዮሐንስ|yohannes "
     "Zuri",
     "አበበ|abebe Achieng በቀለ|bekele ገብሬ|gebre Kamau Kariũki|kariuki Mwangi Njoroge Odhiambo Otieno "
     "ታደሰ|tadesse Wambũi|wambui",
     false, false},
    /* Georgian and Armenian */
    {"ანა|ani გიორგი|giorgi დავით|davit ეკა|eka ლუკა|luka ნინო|nino Արամ|aram Գայանե|gayane Լիլիթ|lilit "
     "Նարե|nare Սոնա|sona Տիգրան|tigran",
     "ბერიძე|beridze გელაშვილი|gelashvili კაპანაძე|kapanadze ლომიძე|lomidze მაისურაძე|maisuradze "
     "წიკლაური|tsiklauri Աբրահամյան|abrahamyan Գրիգորյան|grigoryan Հակոբյան|hakobyan Մարտիրոսյան|martirosyan "
     "Պետրոսյան|petrosyan Սարգսյան|sargsyan",
     false, false},
};
const size_t ra_nlanguages = sizeof ra_languages / sizeof *ra_languages;
